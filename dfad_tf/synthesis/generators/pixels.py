"""The generator without weights, whose latents are the pixels of its image."""

from __future__ import annotations

import math
from collections.abc import Sequence

import keras
import tensorflow as tf

from dfad_tf.synthesis.generators.image_range import SLOPE, to_range

_MARGIN = 0.01


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


def pixel_latents(generator: keras.Model, images: tf.Tensor) -> tf.Tensor:
    """Return the latents from which a pixel generator makes given images.

    Args:
        generator: From `pixel_generator`.
        images: `(batch, height, width, channels)` in the teacher's units. Values near the ends of
            a bounded range are moved inside by a hundredth of it.

    Returns:
        `(batch, height · width · channels)`.
    """
    names = {layer.name for layer in generator.layers}
    units = generator.get_layer("image")
    latents = (images - tf.constant(units.offset)) / tf.constant(units.scale)
    if SLOPE in names:
        share = tf.clip_by_value(latents, _MARGIN, 1 - _MARGIN)
        slope = generator.get_layer(SLOPE)
        logits = tf.math.log(share / (1 - share))
        latents = (logits - tf.constant(slope.offset)) / tf.constant(slope.scale)
    return tf.reshape(latents, (images.shape[0], -1))


def is_pixel_generator(generator: keras.Model) -> bool:
    """Return whether a generator's latents are the pixels of its image."""
    return (
        not generator.weights
        and math.prod(generator.output_shape[1:]) == (generator.input_shape[-1])
    )
