"""`--precision`: a policy while distilling, files when exporting."""

import pytest

from dfad_tf.command_line import builders, precision_flag
from dfad_tf.utils.errors import InputError
from tests.helpers.command import parse


def policy(*arguments):
    parse(*arguments, recipe=False)
    precision_flag.check_policy()
    return builders.precision_from_flags()


@pytest.fixture
def measured(monkeypatch):
    """The device is fastest in a precision that no device is; how often it was asked."""
    asked = []

    def fastest_precision():
        asked.append(1)
        return "measured"

    monkeypatch.setattr("dfad_tf.compute.precision.fastest_precision", fastest_precision)
    return asked


@pytest.mark.parametrize("arguments", [(), ("--precision=auto",)])
def test_by_default_the_device_decides(measured, arguments):
    assert policy(*arguments) == "measured" and len(measured) == 1


@pytest.mark.parametrize("name", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_a_named_policy_is_taken_without_a_measurement(measured, name):
    assert policy(f"--precision={name}") == name
    assert policy(f"--precision={name.upper()}") == name
    assert measured == []


def test_a_policy_may_be_written_with_a_dash_as_every_name(measured):
    assert policy("--precision=mixed-bfloat16") == "mixed_bfloat16"


@pytest.mark.parametrize("name", ["bfloat16", "int8", "float16", "float32,int8", "half"])
def test_an_unknown_policy_is_told_in_one_line(measured, name):
    with pytest.raises(InputError, match=f"--precision.*Received: '{name}'") as caught:
        policy(f"--precision={name}")
    assert "\n" not in str(caught.value) and measured == []
