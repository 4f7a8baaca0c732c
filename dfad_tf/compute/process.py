"""What this process has used: time since it was started, and memory."""

from __future__ import annotations

import pathlib
import re
import sys
import time

import psutil
import tensorflow as tf


def seconds_since_start() -> float:
    """Return the seconds since this process was started, imports included."""
    return time.time() - psutil.Process().create_time()


def peak_memory_bytes() -> int:
    """Return the most memory used so far: of the first GPU, or of this process."""
    if tf.config.list_physical_devices("GPU"):
        return int(tf.config.experimental.get_memory_info("GPU:0")["peak"])
    status = pathlib.Path("/proc/self/status")
    if status.exists():  # `getrusage` there begins with the peak of the process that started this
        found = re.search(
            r"VmHWM:\s+(\d+) kB", status.read_text(encoding="ascii", errors="replace")
        )
        if found:
            return int(found[1]) * 1024
    memory = psutil.Process().memory_info()
    if hasattr(memory, "peak_wset"):  # on Windows, which has no `resource`
        return int(memory.peak_wset)
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
