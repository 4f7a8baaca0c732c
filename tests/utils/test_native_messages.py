"""What C++ code writes to standard error is hidden, and only while it is asked for."""

import os
import pathlib

import pytest

from dfad_tf.utils.native_messages import no_native_messages


def test_only_messages_inside_are_hidden(capfd):
    os.write(2, b"before\n")
    with no_native_messages():
        os.write(2, b"inside\n")
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "before\nafter\n"


def test_an_exception_is_raised_and_standard_error_is_restored(capfd):
    with pytest.raises(ValueError, match="inside"), no_native_messages():
        raise ValueError("inside")
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"


@pytest.mark.skipif(not pathlib.Path("/proc/self/fd").exists(), reason="needs Linux's /proc")
def test_no_file_descriptor_is_left_open():
    before = set(os.listdir("/proc/self/fd"))
    for _ in range(3):
        with no_native_messages():
            pass
    assert set(os.listdir("/proc/self/fd")) == before
