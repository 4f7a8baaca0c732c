"""LeNet-5 and its half, the MNIST pair of the paper."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from dfad_tf.models import layers
from dfad_tf.utils.errors import InputError


def lenet(
    input_shape: tuple[int, int, int],
    num_classes: int,
    filters: tuple[int, int, int, int],
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    name: str = "lenet",
) -> keras.Model:
    """Three 5×5 convolutions and two dense layers, ReLU, max pooling, no padding.

    Args:
        input_shape: `(height, width, channels)`, at least 32 × 32.
        num_classes: Number of logits.
        filters: Filters of the three convolutions and units of the hidden layer:
            (6, 16, 120, 84) is LeNet-5, (3, 8, 60, 42) its half.
        mean: Mean of each channel, removed inside the network.
        std: Deviation of each channel.
        name: Name of the model.

    Returns:
        A model from images to logits `(batch, num_classes)`.

    Raises:
        InputError: If the images are too small for three unpadded convolutions.

    Reference:
        LeCun et al., 1998, in the form of arXiv 1904.01186: 61,706 and 15,738
        parameters at 32×32×1 and 10 classes.
    """
    if min(input_shape[:2]) < 32:
        raise InputError(
            f"Expected images of at least 32×32 for {name}. Received: "
            f"{input_shape[0]}×{input_shape[1]}. Take 'compact' for smaller ones."
        )
    inputs = keras.Input(input_shape, name="image")
    x = layers.standardize(inputs, mean, std)
    for place, count in enumerate(filters[:2], 1):
        x = keras.layers.Conv2D(count, 5, activation="relu", name=f"conv{place}")(x)
        x = keras.layers.MaxPooling2D()(x)
    x = keras.layers.Conv2D(filters[2], 5, activation="relu", name="conv3")(x)
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dense(filters[3], activation="relu")(x)
    return keras.Model(inputs, keras.layers.Dense(num_classes, name="logits")(x), name=name)
