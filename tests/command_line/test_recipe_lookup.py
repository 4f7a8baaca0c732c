"""The recipes that precede a command line, and the temporary use of other flags."""

import pytest
from absl import flags

from dfad_tf.command_line import arguments as command_arguments
from dfad_tf.utils.errors import InputError
from tests.helpers.command import parse

FLAGS = flags.FLAGS


def recipes_of(*arguments):
    """Names of the recipes that precede the arguments, in their order."""
    given = ["command", *arguments]
    result = command_arguments.with_recipes(given)
    count = len(given) - 1
    assert result[0] == "command" and (not count or result[-count:] == list(arguments))
    paths = result[1 : len(result) - count]
    return [path.rsplit("/", 1)[-1].removesuffix(".flags") for path in paths]


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ((), ["digits"]),
        (("--dataset=mnist",), ["mnist"]),
        (("--dataset=mnist", "--method=dfad"), ["mnist"]),
        (("--dataset=mnist", "--method=kd"), ["mnist"]),
        (("--dataset=mnist", "--method=dafl"), ["mnist", "method_dafl"]),
        (
            ("--dataset=cifar10", "--method=dafl"),
            ["cifar10", "method_dafl", "method_dafl_cifar10"],
        ),
        (("--method", "zskt", "--epochs=2"), ["digits", "method_zskt"]),
        (("--method=dfq+memory",), ["digits", "method_dfq"]),
        (
            ("--method=DAFL", "--dataset=cifar100"),
            ["cifar100", "method_dafl", "method_dafl_cifar100"],
        ),
        (("--method=DFQ+Memory",), ["digits", "method_dfq"]),
        (("--method=dafl", "--method=proposed"), ["digits"]),
        (("--teacher=x.keras",), ["own_teacher", "method_proposed_own_teacher"]),
        (("--teacher=x.keras", "--method=dfad"), ["own_teacher"]),
        (("--teacher=x.keras", "--method=dafl"), ["own_teacher", "method_dafl"]),
        (
            ("--teacher=x.keras", "--dataset=cifar10", "--method=dafl"),
            ["own_teacher", "method_dafl", "method_dafl_cifar10"],
        ),
        (("--dataset=beans", "--method=dfq"), ["other_dataset", "method_dfq"]),
    ],
)  # fmt: skip
def test_recipes_precede_the_arguments_in_their_order(arguments, names):
    assert recipes_of(*arguments) == names


def test_the_recipe_of_a_method_overrides_that_of_the_data_set_and_the_user_both():
    values = parse("--dataset=digits")
    assert (values.student_steps, values.information_entropy_weight) == (5, 0.5)
    values = parse("--dataset=cifar100", "--method=dafl", "--student_steps=3")
    assert (values.student_steps, values.discrepancy) == (3, "kl")
    # The recipe of the method for this data set follows the one of the method.
    assert values.logits_activation_weight == 0.5 and values.information_entropy_weight == 20
    assert (
        values.batch_size == 256 and values.student == "resnet18"
    )  # from the recipe of the data set


def values():
    return {name: (FLAGS[name].value, FLAGS[name].present) for name in FLAGS}


def test_all_flags_are_restored_after_the_use_of_others():
    parse("--dataset=mnist", "--epochs=7", "--teacher_layers=a,b", "--seed=3")
    before = values()
    with command_arguments.parsed(["--dataset=cifar10", "--method=dafl", "--batch_size=9"]):
        assert (FLAGS.dataset, FLAGS.method, FLAGS.batch_size) == ("cifar10", "dafl", 9)
        assert FLAGS.student == "resnet18" and FLAGS.discrepancy == "kl"
        assert FLAGS.epochs == 500 and FLAGS.seed == 0 and FLAGS.teacher_layers == []
        FLAGS.epochs = 1
    assert values() == before


def test_all_flags_are_restored_after_an_error():
    parse("--dataset=mnist", "--epochs=7")
    before = values()
    with pytest.raises(ZeroDivisionError), command_arguments.parsed(["--epochs=2"]):
        _ = FLAGS.epochs // 0
    assert values() == before
    for wrong in ("--epochs=x", "--batch_size=1", "--lerning_rate=1"):
        name = wrong.split("=")[0].strip("-")
        with pytest.raises(InputError, match=name), command_arguments.parsed(["--seed=9", wrong]):
            pytest.fail("It was parsed.")
        assert values() == before


def test_uses_of_other_flags_can_be_nested():
    parse("--epochs=7")
    with command_arguments.parsed(["--epochs=2"]):
        with command_arguments.parsed(["--epochs=3"]):
            assert FLAGS.epochs == 3
        assert FLAGS.epochs == 2
    assert FLAGS.epochs == 7
