"""Pieces that the classifiers share, with the batch-norm settings of the papers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras


def standardize(inputs: Any, mean: Sequence[float] | None, std: Sequence[float] | None) -> Any:
    """Subtract the mean and divide by the deviation, inside the network.

    Args:
        inputs: `(batch, height, width, channels)`.
        mean: One value a channel, in the input's units; None leaves the input as it is.
        std: One value a channel, above 0.

    Returns:
        A tensor of the same shape.
    """
    if mean is None or std is None:
        return inputs
    return keras.layers.Normalization(
        axis=-1,
        mean=list(map(float, mean)),
        variance=[float(s) ** 2 for s in std],
        name="standardize",
    )(inputs)


def convolution(inputs: Any, filters: int, size: int = 3, strides: int = 1) -> Any:
    """Convolve without bias, padded on both sides alike also where it strides.

    Keras's `padding="same"` pads a strided convolution on one side only, which
    would not be the published networks.
    """
    if strides > 1 and size > 1:
        inputs = keras.layers.ZeroPadding2D(size // 2)(inputs)
    return keras.layers.Conv2D(
        filters,
        size,
        strides=strides,
        padding="valid" if strides > 1 else "same",
        use_bias=False,
        kernel_initializer=keras.initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal"),
    )(inputs)


def batch_norm(inputs: Any) -> Any:
    """Batch normalization with momentum 0.9 and epsilon 1e-5, as the published code has it.

    Keras's defaults, 0.99 and 1e-3, follow the statistics ten times more slowly.
    """
    return keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(inputs)


def batch_norm_relu(inputs: Any) -> Any:
    """Batch normalization followed by ReLU."""
    return keras.layers.ReLU()(batch_norm(inputs))
