"""From a generator's raw outputs to images in the teacher's units."""

from __future__ import annotations

import math
from collections.abc import Sequence

import keras
import numpy as np

SLOPE = "slope"  # the layer in front of the sigmoid


def to_images(
    raw: keras.KerasTensor, mean: Sequence[float], std: Sequence[float]
) -> keras.KerasTensor:
    """Return images in the teacher's units from raw outputs.

    Tanh and batch norm without parameters give the outputs zero mean and unit variance, as
    normalized real images have. Scaling converts them to the teacher's units, without rounding
    or clipping, so that gradients pass unchanged.
    """
    x = keras.layers.Activation("tanh")(raw)
    x = keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, center=False, scale=False)(x)
    return keras.layers.Rescaling(
        scale=list(map(float, std)), offset=list(map(float, mean)), dtype="float32", name="image"
    )(x)


def to_bounded_images(
    raw: keras.KerasTensor,
    mean: Sequence[float],
    std: Sequence[float],
    value_range: tuple[Sequence[float], Sequence[float]],
) -> keras.KerasTensor:
    """Return images in a bounded range from raw outputs.

    Batch norm gives the outputs zero mean and unit variance. A sigmoid with a suitable slope and
    offset then gives them the mean and standard deviation of real images.
    """
    x = keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, center=False, scale=False)(raw)
    return to_range(x, mean, std, value_range)


def to_range(
    normal: keras.KerasTensor,
    mean: Sequence[float],
    std: Sequence[float],
    value_range: tuple[Sequence[float], Sequence[float]],
) -> keras.KerasTensor:
    """Return images in a bounded range from values of zero mean and unit variance."""
    low, high = (np.asarray(side, float) for side in value_range)
    shapes = [
        sigmoid_shape((m - a) / (b - a), s / (b - a))
        for m, s, a, b in zip(mean, std, low, high, strict=True)
    ]
    slopes, offsets = ([shape[index] for shape in shapes] for index in range(2))
    x = keras.layers.Rescaling(slopes, offsets, name=SLOPE)(normal)
    x = keras.layers.Activation("sigmoid")(x)
    return keras.layers.Rescaling(
        scale=(high - low).tolist(), offset=low.tolist(), dtype="float32", name="image"
    )(x)


def sigmoid_shape(mean: float, std: float) -> tuple[float, float]:
    """Return the slope and offset with which sigmoid(slope · z + offset) has given moments.

    Args:
        mean: Mean for a standard normal z, in (0, 1).
        std: Standard deviation. It is limited to 95 % of that of a distribution on 0 and 1
            alone.

    Returns:
        Slope and offset.
    """
    from scipy import optimize  # A slow import, which only this function needs.

    mean = min(max(mean, 0.02), 0.98)
    std = min(std, 0.95 * math.sqrt(mean * (1 - mean)))
    nodes, weights = np.polynomial.hermite_e.hermegauss(101)
    weights = weights / weights.sum()

    def error(shape: np.ndarray) -> list[float]:
        values = 1 / (1 + np.exp(-np.clip(shape[0] * nodes + shape[1], -500, 500)))
        found = float(weights @ values)
        return [found - mean, math.sqrt(float(weights @ (values - found) ** 2)) - std]

    start = (4 * std, math.log(mean / (1 - mean)))
    slope, offset = optimize.least_squares(error, start).x
    return float(slope), float(offset)
