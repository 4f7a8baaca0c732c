"""Time calls, after one that may compile."""

from __future__ import annotations

import time
from collections.abc import Callable


def seconds_of_calls(run: Callable[[], object], count: int) -> list[float]:
    """Call a function once without timing it, for compilation and cold caches, then time calls.

    Args:
        run: Function that returns when its work is done; one on a GPU copies its result.
        count: Number of timed calls.

    Returns:
        Seconds of each timed call.
    """
    run()
    times = []
    for _ in range(count):
        start = time.monotonic()
        run()
        times.append(time.monotonic() - start)
    return times
