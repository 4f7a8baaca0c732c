"""Two moons: a classification task in two dimensions, whose decision boundary can be drawn."""

from __future__ import annotations

import numpy as np


def two_moons(
    count: int = 1000, noise: float = 0.1, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Draw points from two interleaved half circles.

    Args:
        count: Number of points.
        noise: Standard deviation of the Gaussian noise that is added to the points.
        seed: Seed of points and noise.

    Returns:
        Points, float32 `(count, 2)`, and the index of their half circle, int64 `(count,)`.
    """
    from sklearn import datasets  # slow to import

    points, labels = datasets.make_moons(count, noise=noise, random_state=seed)
    return points.astype(np.float32), labels.astype(np.int64)
