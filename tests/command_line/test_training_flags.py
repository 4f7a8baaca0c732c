"""`--precision`: the dtype policy of the training."""

import pytest

from dfad_tf.command_line import run_builder, training_flags
from dfad_tf.utils.errors import InputError
from tests.helpers.command import parse


def policy(*arguments):
    values = parse(*arguments, recipe=False)
    training_flags.check_policy()
    precision = run_builder.fix_precision()
    assert values.precision == precision  # the recorded flags repeat the run
    return precision


@pytest.fixture
def measured(monkeypatch):
    """A stand-in for the measurement of the device; returns the list of its calls."""
    calls = []

    def fastest_precision():
        calls.append(1)
        return "measured"

    monkeypatch.setattr("dfad_tf.compute.precision.fastest_precision", fastest_precision)
    return calls


@pytest.mark.parametrize("arguments", [(), ("--precision=auto",)])
def test_the_default_is_the_fastest_policy_of_the_device(measured, arguments):
    assert policy(*arguments) == "measured" and len(measured) == 1


@pytest.mark.parametrize("name", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_a_named_policy_needs_no_measurement(measured, name):
    assert policy(f"--precision={name}") == name
    assert policy(f"--precision={name.upper()}") == name
    assert measured == []


def test_a_policy_may_have_a_dash_for_its_underscore(measured):
    assert policy("--precision=mixed-bfloat16") == "mixed_bfloat16"


@pytest.mark.parametrize("name", ["bfloat16", "int8", "float16", "float32,int8", "half"])
def test_an_unknown_policy_is_reported_in_one_line(measured, name):
    with pytest.raises(InputError, match=f"--precision.*Received: '{name}'") as caught:
        policy(f"--precision={name}")
    assert "\n" not in str(caught.value) and measured == []
