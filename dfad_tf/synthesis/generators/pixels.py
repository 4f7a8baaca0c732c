"""The generator without weights, whose latents are the pixels of its image."""

from __future__ import annotations

import math
from collections.abc import Sequence

import keras

from dfad_tf.synthesis.generators.image_range import to_range


def pixel_generator(
    latent_size: int,
    output_shape: tuple[int, int, int],
    mean: Sequence[float],
    std: Sequence[float],
    value_range: tuple[Sequence[float], Sequence[float]] | None = None,
    num_classes: int = 0,
    name: str = "pixels",
) -> keras.Model:
    """Build the generator without weights, whose latents are the pixels of its image.

    With it, an inversion that trains its latents optimizes images directly.

    Args:
        latent_size: Ignored; there is one latent for each value of the image.
        output_shape: `(height, width, channels)`.
        mean: Mean of each channel of the images, in the teacher's input units.
        std: Standard deviation of each channel.
        value_range: As for `compact_generator`.
        num_classes: Ignored; the classes are those of the labels alone.
        name: Name of the model.

    Returns:
        A model from latents `(batch, height · width · channels)` to images in the teacher's
        units.
    """
    del latent_size, num_classes
    inputs = keras.Input((math.prod(output_shape),), name="latent")
    x = keras.layers.Reshape(output_shape)(inputs)
    if value_range is not None:
        return keras.Model(inputs, to_range(x, mean, std, value_range), name=name)
    scale, offset = list(map(float, std)), list(map(float, mean))
    images = keras.layers.Rescaling(scale, offset, dtype="float32", name="image")(x)
    return keras.Model(inputs, images, name=name)
