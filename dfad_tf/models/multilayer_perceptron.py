"""A small dense classifier for vectors, as in the paper's two-moons experiment."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from dfad_tf.models import layers


def multilayer_perceptron(
    input_shape: tuple[int, ...],
    num_classes: int,
    units: Sequence[int] = (64, 64),
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    name: str = "multilayer_perceptron",
) -> keras.Model:
    """Build dense layers with ReLU for vectors or flattened images.

    Args:
        input_shape: `(features,)` or `(height, width, channels)`.
        num_classes: Number of logits.
        units: Number of units of each hidden layer.
        mean: Mean of each channel. The network subtracts it.
        std: Standard deviation of each channel. The network divides by it.
        name: Name of the model.

    Returns:
        A model from inputs to logits `(batch, num_classes)`.
    """
    inputs = keras.Input(input_shape, name="image" if len(input_shape) == 3 else "vector")
    x = layers.standardize(inputs, mean, std)
    if len(input_shape) > 1:
        x = keras.layers.Flatten()(x)
    for count in units:
        x = keras.layers.Dense(count, activation="relu")(x)
    return keras.Model(inputs, keras.layers.Dense(num_classes, name="logits")(x), name=name)
