"""Ctrl-C ends a command with status 130 and one line, also during a long native operation."""

import signal
import subprocess
import sys
import time

import pytest

BUSY = """
import ctypes, signal, sys, time
from dfad_tf.command_line.interrupts import leave_in_time
sys.argv = ["train.py"]
signal.signal(signal.SIGINT, lambda *_: None)  # like a training, which ends its step first
with leave_in_time({seconds}):
    print("ready", flush=True)
    {work}
    print("ended", flush=True)
"""
# Python runs a handler only after such a call, and after an operation of TensorFlow.
NATIVE = "ctypes.CDLL(None).sleep(20); ctypes.CDLL(None).sleep(20)"
SHORT = "time.sleep(0.5)"


def run(work, seconds):
    child = subprocess.Popen(
        [sys.executable, "-c", BUSY.format(work=work, seconds=seconds)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stdout.readline() == "ready\n"
    start = time.monotonic()
    child.send_signal(signal.SIGINT)
    output, errors = child.communicate(timeout=30)
    return child.returncode, output, errors, time.monotonic() - start


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_long_native_operation_ends_in_time():
    status, output, errors, seconds = run(NATIVE, 1.0)
    assert status == 130 and "stopped by Ctrl-C" in errors and output == ""
    assert seconds < 5


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_command_that_ends_by_itself_keeps_its_status():
    status, output, errors, _ = run(SHORT, 20.0)
    assert (status, output, errors) == (0, "ended\n", "")
