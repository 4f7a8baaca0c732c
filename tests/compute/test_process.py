"""Resources that the process has used so far."""

import subprocess
import sys
import time

import numpy as np
import psutil

from dfad_tf.compute import process


def test_seconds_are_counted_from_the_start_of_the_process():
    # Without TensorFlow, which only the memory needs, the process starts at once.
    script = (
        "import sys, time, types; sys.modules['tensorflow'] = types.ModuleType('tensorflow'); "
        "from dfad_tf.compute.process import seconds_since_start; time.sleep(0.5); "
        "print(seconds_since_start())"
    )
    begin = time.monotonic()
    printed = subprocess.check_output([sys.executable, "-c", script], text=True)
    assert 0.45 < float(printed) < time.monotonic() - begin + 0.1
    assert process.seconds_since_start() > float(printed)


def test_the_peak_of_memory_remains_after_memory_is_released():
    before = process.peak_memory_bytes()
    now = psutil.Process().memory_info().rss
    assert 0.9 * now < before < 2**40
    block = np.ones((before - now + 2**27) // 8)
    most = process.peak_memory_bytes()
    assert most > before + 2**26
    del block
    # Linux counts the pages of a process in steps, so the peak may vary slightly.
    assert process.peak_memory_bytes() > most - 2**24
