"""Layers that the classifiers share, with the batch-norm settings of the papers."""

from __future__ import annotations

from collections.abc import Sequence

import keras


def standardize(
    inputs: keras.KerasTensor, mean: Sequence[float] | None, std: Sequence[float] | None
) -> keras.KerasTensor:
    """Subtract the mean and divide by the standard deviation, inside the network.

    Args:
        inputs: `(batch, height, width, channels)`.
        mean: One value for each channel, in the units of the input. None returns the input
            unchanged.
        std: One value for each channel, above 0.

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


def convolution(
    inputs: keras.KerasTensor, filters: int, size: int = 3, strides: int = 1
) -> keras.KerasTensor:
    """Convolve without bias and with equal padding on both sides.

    Keras's `padding="same"` pads a strided convolution on one side only, unlike the published
    networks.
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


def batch_norm(inputs: keras.KerasTensor) -> keras.KerasTensor:
    """Normalize with momentum 0.9 and epsilon 1e-5, as in the published code.

    With Keras's defaults, 0.99 and 1e-3, the moving statistics change ten times more slowly.
    """
    return keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(inputs)


def batch_norm_relu(inputs: keras.KerasTensor) -> keras.KerasTensor:
    """Batch normalization followed by ReLU."""
    return keras.layers.ReLU()(batch_norm(inputs))
