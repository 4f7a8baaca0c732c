"""What the process has used so far."""

import time

import numpy as np
import psutil

from dfad_tf import process


def test_seconds_run_from_the_start_of_the_process():
    before, elapsed = process.seconds_since_start(), time.monotonic()
    time.sleep(0.1)
    after, elapsed = process.seconds_since_start(), time.monotonic() - elapsed
    assert 0.05 < after - before < elapsed + 0.1
    # Keras and TensorFlow were imported in between, and this file's tests collected.
    assert before > 0.5


def test_the_most_memory_is_kept_when_it_is_given_back():
    before = process.peak_memory_bytes()
    now = psutil.Process().memory_info().rss
    assert 0.9 * now < before < 2**40
    block = np.ones((before - now + 2**27) // 8)
    most = process.peak_memory_bytes()
    assert most > before + 2**26
    del block
    assert process.peak_memory_bytes() >= most
