"""Random numbers for a block of images, in the types that the renderer computes with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Array = np.ndarray


def uniform(random: np.random.Generator, low: float, high: float, shape: Sequence[int]) -> Array:
    """Draw float32 numbers from `low` to `high`."""
    return low + (high - low) * random.random(tuple(shape), dtype=np.float32)


def log_uniform(
    random: np.random.Generator, low: float, high: float, shape: Sequence[int]
) -> Array:
    """Draw float32 numbers from `low` to `high`, both above 0, with a uniform logarithm."""
    return np.exp(uniform(random, float(np.log(low)), float(np.log(high)), shape))


def normal(random: np.random.Generator, std: float, shape: Sequence[int]) -> Array:
    """Draw float32 numbers from the normal distribution around 0."""
    return std * random.standard_normal(tuple(shape), dtype=np.float32)


def chance(random: np.random.Generator, share: float, shape: Sequence[int]) -> Array:
    """Draw booleans, of which the given share is true."""
    return random.random(tuple(shape), dtype=np.float32) < share


def per_image(values: Array) -> Array:
    """Shape `(count,)` into `(count, 1, 1)`, which broadcasts over the pixels of images."""
    return values[:, None, None]
