"""Measure the latency of exported files."""

from __future__ import annotations

import numpy as np

from dfad_tf.exporting.exporter import TimedModel


def latencies(models: dict[str, TimedModel], pixels: np.ndarray, rounds: int) -> dict[str, float]:
    """Measure several files alternately, so that other load on the machine affects all of them.

    Args:
        models: Opened files by name.
        pixels: Raw pixels, uint8 `(n, height, width, channels)`.
        rounds: Number of measurements of each file.

    Returns:
        Median of the milliseconds per image, by name.
    """
    times: dict[str, list[float]] = {name: [] for name in models}
    for number in range(rounds):
        for name in list(models) if number % 2 else reversed(models):
            times[name].append(models[name].seconds(pixels))
    return {name: 1e3 * float(np.median(values)) for name, values in times.items()}
