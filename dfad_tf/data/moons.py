"""Two moons: a task in the plane, where a boundary can be seen."""

from __future__ import annotations

import numpy as np


def two_moons(
    count: int = 1000, noise: float = 0.1, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Draw points of two interleaved half circles.

    Args:
        count: Points.
        noise: Standard deviation of what is added to them.
        seed: Seed of the draw.

    Returns:
        Points, float32 `(count, 2)`, and their moons, int64 `(count,)`.
    """
    from sklearn import datasets  # slow to import

    points, labels = datasets.make_moons(count, noise=noise, random_state=seed)
    return points.astype(np.float32), labels.astype(np.int64)
