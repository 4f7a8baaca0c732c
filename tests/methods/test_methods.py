"""Each row of the table is the composition that its paper describes."""

import dataclasses

import keras
import numpy as np
import pytest

from dfad_tf import methods
from dfad_tf.losses import AttentionTransfer
from dfad_tf.methods.interpolation import VirtualInterpolation
from dfad_tf.methods.method import Method
from dfad_tf.methods.table import METHODS, Settings
from dfad_tf.synthesis.objectives import AdversarialDiscrepancy
from dfad_tf.utils import names
from dfad_tf.utils.errors import InputError

SETTINGS = Settings(
    logits_activation_weight=0.3,
    representation_activation_weight=0.2,
    information_entropy_weight=0.4,
)
EQUATION_1, ACTIVATION = (
    {"adversarial_discrepancy": 1.0},
    {
        "logits_activation": 0.3,
        "representation_activation": 0.2,
        "information_entropy": 0.4,
    },
)
# The generator's terms, virtual interpolation, the student's images, attention transfer.
COMPOSITIONS = {
    "dfad": (EQUATION_1, False, "fresh", False),
    "dfad+activation": (EQUATION_1 | ACTIVATION, False, "fresh", False),
    "dfad+interpolation": (EQUATION_1, True, "fresh", False),
    "proposed": (EQUATION_1 | ACTIVATION, True, "fresh", False),
    "dafl": (ACTIVATION, False, "same_images", False),
    "zskt": (EQUATION_1, False, "same_latents", True),
    "dfq": (EQUATION_1 | ACTIVATION | {"batch_norm_statistics": 1.0}, False, "fresh", False),
}
# These always learn from stored images.
POOLED = {"cmi", "fastdfkd", "nayer", "deepinversion"}
COMPOSITIONS |= dict.fromkeys(POOLED, (EQUATION_1, False, "fresh", False))


def test_every_row_is_here_and_each_may_have_a_memory():
    with_memory = [f"{name}+memory" for name in COMPOSITIONS if name not in POOLED]
    assert sorted(METHODS) == sorted([*COMPOSITIONS, *with_memory])


@pytest.mark.parametrize("name", METHODS)
def test_a_row_has_its_parts_and_no_others(name):
    method = methods.get(name, SETTINGS)
    terms, interpolated, images, attention = COMPOSITIONS[name.removesuffix("+memory")]
    assert {term.name: term.weight for term in method.generator_objectives} == terms
    assert (method.interpolation is not None) == interpolated
    assert method.image_source == images and (method.feature_loss is not None) == attention
    assert method.needs_features == ("representation_activation" in terms)
    assert any(term.needs_student for term in method.generator_objectives) == (name[:4] != "dafl")
    stored = 40_000 if name in POOLED else 4096 if name.endswith("+memory") else 0
    assert method.memory_size == stored
    assert method.name == name


@pytest.mark.parametrize("name", METHODS)
def test_every_row_can_be_tied_to_the_teachers_statistics_and_even_labels(name):
    settings = dataclasses.replace(
        SETTINGS, batch_norm_weight=0.7, batch_norm_momentum=0.9, label_weight=0.5
    )
    terms = {term.name: term for term in methods.get(name, settings).generator_objectives}
    assert terms["batch_norm_statistics"].weight == 0.7
    assert terms["batch_norm_statistics"].momentum == 0.9
    assert terms["target_labels"].weight == 0.5
    own = set(COMPOSITIONS[name.removesuffix("+memory")][0])
    assert set(terms) == own | {"batch_norm_statistics", "target_labels"}
    untied = dataclasses.replace(settings, batch_norm_weight=0.0, label_weight=0.0)
    found = {term.name for term in methods.get(name, untied).generator_objectives}
    assert found == own - {"batch_norm_statistics"}


def test_settings_of_the_student_and_of_the_stored_images():
    settings = Settings(
        discrepancy="kl", temperature=4.0, feature_weight=2.0, memory_size=64,
        image_augmentation="shift", mixed_share=0.5, generator_lifetime=7, adversarial_weight=0.5,
        where_they_agree=True,
    )  # fmt: skip
    method = methods.get("dfad", settings)
    assert method.discrepancy.temperature == 4.0
    assert method.feature_loss.weight == 2.0 and method.redraws
    assert (method.mixed_share, method.generator_lifetime) == (0.5, 7)
    (term,) = method.generator_objectives
    assert term.weight == 0.5 and term.where_they_agree
    assert Method.from_config(method.get_config()).get_config() == method.get_config()
    with pytest.raises(InputError, match="`discrepancy` to be kl.*'mae' with 4"):
        methods.get("dfad", Settings(temperature=4.0))
    with pytest.raises(ValueError, match="only with `image_augmentation`.*mixed_share=0.5"):
        methods.get("dfad", Settings(mixed_share=0.5, memory_size=64))
    with pytest.raises(ValueError, match="shift_flip. Received: image_augmentation='flip'"):
        methods.get("dfad", Settings(image_augmentation="flip"))
    with pytest.raises(ValueError, match="Received: generator_lifetime=-1"):
        methods.get("dfad", Settings(generator_lifetime=-1))
    with pytest.raises(InputError, match="`adversarial_weight`"):
        methods.get("dfad", Settings(adversarial_weight=0.0))


def test_without_settings_a_row_has_the_strengths_of_its_authors():
    dafl, zskt, dfq = (methods.get(name) for name in ("dafl", "zskt", "dfq"))

    def weights(method):
        return {term.name: term.weight for term in method.generator_objectives}

    assert weights(dafl) == {
        "logits_activation": 1.0, "representation_activation": 0.1, "information_entropy": 5.0,
    }  # fmt: skip
    assert weights(zskt) == {"adversarial_discrepancy": 1.0}
    assert weights(dfq) == {
        "adversarial_discrepancy": 1.0, "logits_activation": 1.0, "information_entropy": 20.0,
        "batch_norm_statistics": 1.0,
    }  # fmt: skip
    assert [method.student_steps for method in (dafl, zskt, dfq)] == [1, 10, 10]
    assert zskt.feature_loss.weight == 250.0 and zskt.feature_loss.squared
    for method in (dafl, zskt, dfq):
        assert method.discrepancy.name == "kullback_leibler_discrepancy"
    for method in (zskt, dfq):
        ascended = method.generator_objectives[0].discrepancy
        assert ascended.name == "kullback_leibler_discrepancy"
    assert methods.get("proposed+memory").student_steps == 5


def test_the_methods_that_search_for_their_images_have_the_settings_of_their_authors():
    published = {name: methods.get(name) for name in POOLED}

    def weights(name):
        return {term.name: term.weight for term in published[name].generator_objectives}

    common = {
        "adversarial_discrepancy": 1.33, "batch_norm_statistics": 10.0, "target_labels": 0.5,
    }  # fmt: skip
    assert weights("fastdfkd") == weights("nayer") == common
    assert weights("cmi") == {
        "adversarial_discrepancy": 0.5, "batch_norm_statistics": 1.0, "target_labels": 0.5,
        "contrastive_diversity": 0.8,
    }  # fmt: skip
    assert set(weights("deepinversion")) == {
        "batch_norm_statistics", "target_labels", "total_variation",
    }  # fmt: skip
    found = {name: method.inversion for name, method in published.items()}
    assert {name: inversion.steps for name, inversion in found.items()} == {
        "cmi": 200, "fastdfkd": 5, "nayer": 30, "deepinversion": 2000,
    }  # fmt: skip
    assert [name for name, inversion in found.items() if inversion.meta] == ["fastdfkd"]
    assert not found["deepinversion"].learning_rate and not found["nayer"].latent_learning_rate
    lifetimes = {name: method.generator_lifetime for name, method in published.items()}
    assert lifetimes == {"cmi": 1, "fastdfkd": 0, "nayer": 10, "deepinversion": 0}
    for method in published.values():
        assert method.redraws and method.synthesis_augmentation.startswith("shift")
        assert Method.from_config(method.get_config()).get_config() == method.get_config()


def test_an_inversion_needs_stored_images():
    with pytest.raises(InputError, match="`memory_size` above 0.*memory_size=0"):
        methods.get("dfad", Settings(inversion_steps=2))
    with pytest.raises(InputError, match="`memory_share` of 1.*memory_share=0.5"):
        methods.get("dfad", Settings(inversion_steps=2, memory_size=8, memory_share=0.5))


def test_a_memory_is_part_of_the_name_however_it_is_requested():
    assert methods.get("dafl+memory", Settings(memory_size=64)).memory_size == 64
    assert methods.get("dafl", Settings(memory_size=64)).name == "dafl+memory"
    assert methods.get("DAFL+Memory").name == "dafl+memory"


def test_a_weight_of_zero_leaves_its_term_out():
    method = methods.get("proposed", Settings(representation_activation_weight=0.0))
    assert not method.needs_features
    balanced = Settings(information_entropy_weight=0.5)
    terms = methods.get("proposed", balanced).generator_objectives
    assert terms[-1].name == "information_entropy" and terms[-1].weight == 0.5
    assert len(methods.get("dfad", balanced).generator_objectives) == 1  # Eq. 1 and no more


def test_the_generator_may_ascend_another_discrepancy():
    method = methods.get("dfad", Settings(discrepancy="mae", generator_discrepancy="kl"))
    assert isinstance(method.discrepancy, keras.losses.MeanAbsoluteError)
    assert method.generator_objectives[0].discrepancy.name == "kullback_leibler_discrepancy"


@pytest.mark.parametrize("name", METHODS)
def test_serialization(name):
    method = methods.get(name, SETTINGS)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(method))
    assert again.get_config() == method.get_config()
    for part in ("student_steps", "name", "memory_size", "memory_share", "image_source"):
        assert getattr(again, part) == getattr(method, part)
    assert (again.interpolation is None) == (method.interpolation is None)
    assert (again.feature_loss is None) == (method.feature_loss is None)


@pytest.mark.parametrize("name", METHODS)
def test_any_row_may_have_a_memory_and_its_configuration_has_it(name):
    assert methods.get(name).memory_share == 1.0
    method = methods.get(name, Settings(memory_size=64, memory_share=0.25))
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(method))
    for each in (method, again):
        assert (each.memory_size, each.memory_share) == (64, 0.25)


@pytest.mark.parametrize(
    ("settings", "images"),
    [
        ({}, 8 + 3 * 8),
        ({"memory_size": 9}, 8),
        ({"memory_size": 9, "memory_share": 0.5}, 8 + 3 * 4),
        ({"memory_size": 9, "memory_share": 0.3}, 8 + 3 * 6),  # 2.4 of 8 are 2
        ({"memory_share": 0.5}, 8 + 3 * 8),  # of no memory
        ({"interpolation": VirtualInterpolation(share=0.5)}, 8 + 3 * 8),
        ({"interpolation": VirtualInterpolation(partner="fresh")}, 8 + 3 * 16),
        (
            {"interpolation": VirtualInterpolation(partner="fresh", share=0.25), "memory_size": 9},
            8 + 3 * 2,
        ),
    ],
)
def test_the_images_of_a_step_are_those_of_the_student_and_of_the_generator(settings, images):
    method = methods.get("proposed", Settings(student_steps=3, **settings))
    assert method.images_per_step(8) == images


@pytest.mark.parametrize(
    "arguments",
    [
        {"memory_size": -1},
        {"memory_size": 9, "memory_share": 0.0},
        {"memory_size": 9, "memory_share": 1.5},
        {"memory_size": 9, "memory_share": np.nan},
    ],
)
def test_a_memory_that_cannot_be_is_refused(arguments):
    given = ", ".join(f"{name}={value}" for name, value in arguments.items())
    with pytest.raises(ValueError, match=given):
        methods.get("dfad", Settings(**arguments))


def images_per_step(name, **settings):
    return methods.get(name, Settings(student_steps=3, **settings)).images_per_step(8)


@pytest.mark.parametrize(
    ("name", "images"), [("dafl", 8), ("zskt", 8 + 8), ("dfq", 8 + 3 * 8), ("proposed", 8 + 3 * 8)]
)
def test_images_that_are_shared_are_generated_once(name, images):
    assert images_per_step(name) == images
    assert images_per_step(f"{name}+memory") == 8
    half = {"dafl": 8, "zskt": 16}.get(name, 8 + 3 * 4)
    assert images_per_step(f"{name}+memory", memory_share=0.5) == half
    assert images_per_step(f"{name}+memory", memory_share=0.99) == 8  # 7.92 of 8 are 8


def test_a_configuration_of_an_older_release_is_read():
    config = methods.get("proposed").get_config()
    for name in ("memory_size", "memory_share", "image_source", "feature_loss"):
        del config[name]
    assert Method.from_config(config).get_config() == methods.get("proposed").get_config()


def test_a_configuration_of_0_5_0_names_its_image_source_images():
    config = methods.get("dafl").get_config()
    config["images"] = config.pop("image_source")
    again = Method.from_config(config)
    assert again.image_source == "same_images"
    assert again.get_config() == methods.get("dafl").get_config()


def test_errors():
    with pytest.raises(
        ValueError, match="same_images, same_latents. Received: image_source='latents'"
    ):
        Method(methods.get("dfad").discrepancy, (AdversarialDiscrepancy(),), image_source="latents")
    with pytest.raises(InputError, match="Did you mean 'dfad\\+activation'"):
        methods.get("dfad+activatin")
    with pytest.raises(ValueError, match="student_steps=0"):
        methods.get("dfad", Settings(student_steps=0))
    with pytest.raises(ValueError, match="at least one term in `generator_objectives`"):
        Method(keras.losses.MeanAbsoluteError(), ())
    own = Method(keras.losses.MeanSquaredError(), (AdversarialDiscrepancy("mse"),))
    assert methods.get(own) is own


def test_names_ignore_dashes_and_capitals():
    assert names.look_up({"wrn_16_1": 1}, "WRN-16-1", "network") == 1
    with pytest.raises(InputError, match="expected one of a, b. Received: 'zzz'.$"):
        names.look_up({"b": 1, "a": 2}, "zzz", "thing")


def test_attention_transfer_needs_plain_images():
    parts = (methods.get("zskt").discrepancy, (AdversarialDiscrepancy(),))
    Method(*parts, VirtualInterpolation(), feature_loss=AttentionTransfer())
    with pytest.raises(ValueError, match="Received: mode='replace'"):
        Method(*parts, VirtualInterpolation(mode="replace"), feature_loss=AttentionTransfer())
