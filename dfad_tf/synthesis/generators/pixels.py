"""The generator without weights, whose latents are the pixels of its image."""

from __future__ import annotations

import math
from collections.abc import Sequence

import keras
import tensorflow as tf

from dfad_tf.synthesis.generators.bilinear_resize import BilinearResize
from dfad_tf.synthesis.generators.image_range import SLOPE, to_range

_MARGIN = 0.01
_FINE = "pixels"  # the layer that returns the latents of the full resolution
_COARSEST = 7  # rows and columns of a coarser image, at least


def pixel_generator(
    latent_size: int,
    output_shape: tuple[int, int, int],
    mean: Sequence[float],
    std: Sequence[float],
    value_range: tuple[Sequence[float], Sequence[float]] | None = None,
    num_classes: int = 0,
    levels: int = 1,
    name: str = "pixels",
) -> keras.Model:
    """Build the generator without weights, whose latents are the pixels of its image.

    With it, an inversion that trains its latents optimizes images directly.

    With several levels, the image is the sum of one at full resolution and of coarser ones. Adam
    moves every latent by about the same amount, whatever its gradient: a search for single pixels
    adds noise of the frequency of pixels, while one at several levels changes shapes and brightness
    at the same rate.

    Args:
        latent_size: Ignored; there is one latent for each value of the images.
        output_shape: `(height, width, channels)`.
        mean: Mean of each channel of the images, in the teacher's input units.
        std: Standard deviation of each channel.
        value_range: As for `compact_generator`.
        num_classes: Ignored; the classes are those of the labels alone.
        levels: Number of resolutions, at least 1. Each has half as many rows and columns as the
            one before; levels of fewer than 7 are left out.
        name: Name of the model.

    Returns:
        A model from latents, first those of the full resolution, to images in the teacher's
        units.
    """
    del latent_size, num_classes
    height, width, channels = output_shape
    shapes = [output_shape]
    for level in range(1, levels):
        shape = (height // 2**level, width // 2**level, channels)
        if min(shape[:2]) >= _COARSEST:
            shapes.append(shape)
    sizes = [math.prod(shape) for shape in shapes]
    inputs = keras.Input((sum(sizes),), name="latent")
    x = keras.layers.Reshape(output_shape, name=_FINE)(inputs[:, : sizes[0]])
    start = sizes[0]
    for shape, size in zip(shapes[1:], sizes[1:], strict=True):
        coarse = keras.layers.Reshape(shape)(inputs[:, start : start + size])
        x = keras.layers.Add()([x, BilinearResize(height, width)(coarse)])
        start += size
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
        `(batch, latent)`. Latents of coarser images are 0.
    """
    names = {layer.name for layer in generator.layers}
    units = generator.get_layer("image")
    latents = (images - tf.constant(units.offset)) / tf.constant(units.scale)
    if SLOPE in names:
        share = tf.clip_by_value(latents, _MARGIN, 1 - _MARGIN)
        slope = generator.get_layer(SLOPE)
        logits = tf.math.log(share / (1 - share))
        latents = (logits - tf.constant(slope.offset)) / tf.constant(slope.scale)
    latents = tf.reshape(latents, (images.shape[0], -1))
    coarser = generator.input_shape[-1] - latents.shape[-1]
    return tf.pad(latents, [[0, 0], [0, coarser]])


def is_pixel_generator(generator: keras.Model) -> bool:
    """Return whether a generator's latents are the pixels of its image."""
    return not generator.weights and any(layer.name == _FINE for layer in generator.layers)
