"""Methods built from flags, and the hyperparameters in their recipes."""

import pytest

from dfad_tf import methods
from dfad_tf.command_line import flag_checks, method_builder
from dfad_tf.command_line.argument_flags import with_flags
from dfad_tf.methods.data_methods import DATA_METHODS, DataSettings
from dfad_tf.methods.table import METHODS
from dfad_tf.utils.errors import InputError
from tests.helpers.command import parse


def settings_of(method):
    """Everything that a method is built from."""
    return {
        "terms": [term.get_config() for term in method.generator_objectives],
        "discrepancy": method.discrepancy.get_config(),
        "student_steps": method.student_steps,
        "image_source": method.image_source,
        "features": method.feature_loss and method.feature_loss.get_config(),
        "memory": (method.memory_size, method.memory_share),
        "interpolated": method.interpolation is not None,
        "name": method.name,
    }


@pytest.mark.parametrize("suffix", ["", "+memory"])
@pytest.mark.parametrize("name", ["dafl", "zskt", "dfq"])
def test_the_recipe_of_a_method_sets_the_values_of_the_table(name, suffix):
    parse("--dataset=digits", f"--method={name}{suffix}")
    assert settings_of(method_builder.method_from_flags()) == settings_of(
        methods.get(name + suffix)
    )


def test_the_weights_of_dafl_depend_on_the_data_set():
    for dataset, weights in (("cifar10", [0.05, 0.01, 5.0]), ("cifar100", [0.5, 0.1, 20.0])):
        parse(f"--dataset={dataset}", "--method=dafl")
        terms = method_builder.method_from_flags().generator_objectives
        assert [term.weight for term in terms] == weights


def test_zskt_clips_its_gradients():
    assert parse("--dataset=digits", "--method=zskt").global_clipnorm == 5
    assert parse("--dataset=digits").global_clipnorm == 0


def test_flags_set_the_terms_of_the_method():
    parse(
        "--method=dfq", "--batch_norm_weight=3", "--student_steps=4", "--discrepancy=mae",
        "--generator_discrepancy=js", "--logits_activation_weight=0",
    )  # fmt: skip
    method = method_builder.method_from_flags()
    names = {term.name: term.weight for term in method.generator_objectives}
    assert names == {
        "adversarial_discrepancy": 1.0, "information_entropy": 20.0, "batch_norm_statistics": 3.0,
    }  # fmt: skip
    assert method.student_steps == 4 and method.discrepancy.name == "mean_absolute_error"
    parse("--method=zskt", "--attention_weight=7", "--teacher_layers=a,b", "--student_layers=c,d")
    attention = method_builder.method_from_flags().feature_loss
    assert attention.weight == 7 and attention.squared
    assert (attention.teacher_layers, attention.student_layers) == (("a", "b"), ("c", "d"))


@pytest.mark.parametrize(
    ("given", "flag"),
    [
        (["--mixed_share=0.5"], "--mixed_share"),
        (["--feature_weight=1", "--interpolation_mode=replace"], "--interpolation_mode"),
        (["--discrepancy_temperature=4"], "--discrepancy"),
        (["--adversarial_weight=0", "--method=dfad"], "--adversarial_weight"),
    ],
)
def test_flags_that_do_not_fit_each_other_are_reported_by_name(given, flag):
    parse("--dataset=mnist", "--memory_size=0", "--method=dfad+interpolation", *given)
    with pytest.raises(InputError) as raised:
        method_builder.check()
    message = with_flags(str(raised.value))
    assert message.replace(",", " ").startswith(f"Expected {flag} ")
    assert "\n" not in message


@pytest.mark.parametrize("name", METHODS)
def test_a_method_without_data_needs_no_data_set(name):
    parse(f"--method={name}", "--teacher=x.keras")
    assert not method_builder.needs_data()
    method_builder.check()


@pytest.mark.parametrize("name", DATA_METHODS)
def test_a_method_with_data_needs_a_data_set(name):
    parse(f"--method={name.upper()}", "--teacher=x.keras")
    assert method_builder.needs_data() and method_builder.method_name() == name
    with pytest.raises(InputError, match="--dataset with --method.*labelled images"):
        method_builder.check()
    parse(f"--method={name}", "--teacher=x.keras", "--dataset=digits")
    method_builder.check()
    parse(f"--method={name}")  # without --teacher, the data set is digits
    method_builder.check()


def test_the_nearest_name_for_an_unknown_method_may_be_a_method_with_data():
    for wrong, meant in (("fitnets", "fitnet"), ("proposd", "proposed"), ("dafk", "dafl")):
        parse(f"--method={wrong}")
        with pytest.raises(InputError, match=f"Unknown method.*Did you mean '{meant}'"):
            method_builder.needs_data()


def test_the_default_data_settings_are_those_of_the_papers():
    parse("--method=at")
    settings, papers = method_builder.data_settings_from_flags(), DataSettings()
    for name in vars(papers):
        if name != "attention":
            assert getattr(settings, name) == getattr(papers, name)
    assert settings.attention.get_config() == papers.attention.get_config()


def test_flags_set_the_data_settings():
    parse(
        "--method=at", "--temperature=2", "--logits_weight=0.5", "--attention_weight=9",
        "--hint_weight=3", "--factor_weight=4", "--factor_rate=0.75", "--reference_forms",
        "--teacher_layers=a", "--student_layers=b",
    )  # fmt: skip
    settings = method_builder.data_settings_from_flags()
    assert (settings.temperature, settings.logits_weight, settings.hint_weight) == (2, 0.5, 3)
    assert (settings.factor_weight, settings.factor_rate) == (4, 0.75)
    assert settings.reference_forms and settings.attention.squared
    assert settings.attention.weight == 9
    assert (settings.teacher_layers, settings.student_layers) == (("a",), ("b",))


@pytest.mark.parametrize("name", ["proposed", "dafl", "zskt", "dfq", "proposed+memory"])
@pytest.mark.parametrize("steps", [1, 7, 50])
@pytest.mark.parametrize("images", [1, 1000, 123_456, 10_000_000])
def test_images_set_the_steps_to_within_one_step_per_epoch(name, steps, images):
    values = parse(
        f"--images={images}", f"--method={name}", f"--steps_per_epoch={steps}", "--batch_size=64"
    )
    flag_checks.set_steps_by_images()
    each = method_builder.method_from_flags().images_per_step(64)
    generated = values.epochs * values.steps_per_epoch * each
    assert abs(generated - images) < max(values.epochs, 1.01) * each
    # The length of an epoch changes little, unless there are fewer steps than one epoch has.
    if images / each < steps:
        assert values.epochs == 1
    else:
        assert 2 / 3 <= values.steps_per_epoch / steps <= 1.5
    # flags.flags of a run contains --images and the steps: a second call changes nothing.
    before = values.epochs, values.steps_per_epoch
    flag_checks.set_steps_by_images()
    assert (values.epochs, values.steps_per_epoch) == before


def test_no_steps_are_set_for_a_method_with_data_or_without_the_flag():
    for arguments in (["--method=kd", "--images=100"], ["--method=dfad"]):
        values = parse(*arguments, "--epochs=3", "--steps_per_epoch=4")
        flag_checks.set_steps_by_images()
        assert (values.epochs, values.steps_per_epoch) == (3, 4)


def test_the_steps_of_an_execution_must_divide_the_steps_that_images_set():
    parse("--images=10000", "--method=proposed", "--steps_per_execution=7", "--batch_size=64")
    with pytest.raises(InputError, match="--steps_per_execution to divide --steps_per_epoch"):
        flag_checks.check_names()
