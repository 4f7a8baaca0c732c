"""Resources that this process has used: time since its start, and memory."""

from __future__ import annotations

import os
import pathlib
import re
import sys
import time

import psutil
import tensorflow as tf


def seconds_since_start() -> float:
    """Return the seconds since this process was started, including imports."""
    status = pathlib.Path("/proc/self/stat")
    if hasattr(time, "CLOCK_BOOTTIME") and status.exists():
        # On Linux, psutil adds the time of the boot in whole seconds: up to a second too much.
        ticks = int(status.read_text(errors="replace").rpartition(")")[2].split()[19])
        return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    return time.time() - psutil.Process().create_time()


def peak_memory_bytes() -> int:
    """Return the peak of the memory in use so far: of the first GPU, or else of this process."""
    if tf.config.list_physical_devices("GPU"):
        return int(tf.config.experimental.get_memory_info("GPU:0")["peak"])
    status = pathlib.Path("/proc/self/status")
    if status.exists():  # On Linux, `getrusage` starts from the peak of the parent process.
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


def available_cores() -> int:
    """Return the number of processor cores that this process may use."""
    process = psutil.Process()
    if hasattr(process, "cpu_affinity"):  # not on macOS
        return len(process.cpu_affinity())
    return psutil.cpu_count() or 1


def device_name() -> str:
    """Return the name of the first GPU, or `"CPU"`."""
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        return str(tf.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU"))
    return "CPU"
