"""Wide residual networks with pre-activation, WRN-depth-width."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from dfad_tf.models import layers


def wide_resnet(
    input_shape: tuple[int, int, int],
    num_classes: int,
    depth: int,
    width: int,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    name: str = "wide_resnet",
) -> keras.Model:
    """Build three groups of pre-activation blocks with 16, 32 and 64 times `width` filters.

    Args:
        input_shape: `(height, width, channels)`.
        num_classes: Number of logits.
        depth: Number of layers, 6n + 4.
        width: Factor of the number of filters.
        mean: Mean of each channel. The network subtracts it.
        std: Standard deviation of each channel. The network divides by it.
        name: Name of the model.

    Returns:
        A model from images to logits `(batch, num_classes)`.

    Raises:
        ValueError: If `depth` is not 6n + 4.

    Reference:
        Zagoruyko and Komodakis, arXiv 1605.07146.
    """
    if depth < 10 or (depth - 4) % 6:
        raise ValueError(f"Expected `depth` to be 6n + 4, at least 10. Received: depth={depth}")
    inputs = keras.Input(input_shape, name="image")
    x = layers.convolution(layers.standardize(inputs, mean, std), 16)
    for group in range(3):
        for block in range((depth - 4) // 6):
            name_of_end = f"group{group + 1}" if block == (depth - 4) // 6 - 1 else None
            x = _block(x, 16 * width * 2**group, 2 if group and not block else 1, name_of_end)
    x = layers.batch_norm_relu(x)
    x = keras.layers.GlobalAveragePooling2D(name="features")(x)
    return keras.Model(inputs, keras.layers.Dense(num_classes, name="logits")(x), name=name)


def _block(
    inputs: keras.KerasTensor, filters: int, strides: int, name: str | None = None
) -> keras.KerasTensor:
    x = layers.batch_norm_relu(inputs)
    shortcut = inputs
    if strides > 1 or inputs.shape[-1] != filters:
        shortcut = layers.convolution(x, filters, 1, strides)
    x = layers.batch_norm_relu(layers.convolution(x, filters, strides=strides))
    return keras.layers.Add(name=name)([layers.convolution(x, filters), shortcut])
