"""LeNet-5 and LeNet-5 with half the filters, the MNIST pair of the paper."""

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
    """Build three 5×5 convolutions and two dense layers with ReLU, max pooling and no padding.

    Args:
        input_shape: `(height, width, channels)`, at least 32 × 32.
        num_classes: Number of logits.
        filters: Filters of the three convolutions and units of the hidden layer:
            (6, 16, 120, 84) for LeNet-5, (3, 8, 60, 42) for half of it.
        mean: Mean of each channel. The network subtracts it.
        std: Standard deviation of each channel. The network divides by it.
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
            f"{input_shape[0]}×{input_shape[1]}. Use 'compact' for smaller images."
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
