"""A generator that alters procedural images."""

from __future__ import annotations

import math
from collections.abc import Sequence

import keras
import numpy as np

from dfad_tf.data.procedural_images import procedural_images
from dfad_tf.synthesis.generators.bilinear_resize import BilinearResize
from dfad_tf.synthesis.generators.class_condition import conditional_input
from dfad_tf.synthesis.generators.upsampled_convolution import UpsampledConv2D
from dfad_tf.utils.image_counts import affordable_count

# Procedural images in the table: fewer where they are large, because the table is part of the file.
_MOST_DRAWN, _LEAST_DRAWN, _DRAWN_PIXELS = 1024, 128, 2**22
_LARGEST_SIDE = 64  # at which the network works; larger images are altered at a lower resolution
_SEED = 0x7A
# Black and white are stored a little inside of the range, where the sigmoid still has a gradient.
_MARGIN = 0.01


def translator_generator(
    latent_size: int,
    output_shape: tuple[int, int, int],
    mean: Sequence[float],
    std: Sequence[float],
    width: int = 16,
    value_range: tuple[Sequence[float], Sequence[float]] | None = None,
    num_classes: int = 0,
    name: str = "translator",
) -> keras.Model:
    """Build a generator that changes a procedural image into one of a class.

    A generator that makes an image from noise alone may learn to ignore the noise, and return the
    same image for a class again and again. Here the noise selects one of 1,024 procedural images
    (fewer above 64×64 pixels), and what the network adds to it starts small. With a high learning
    rate and target labels, it may still learn to add an image that covers the procedural one.

    Args:
        latent_size: Length of the latent vector that varies what is added. Further values, one for
            each procedural image, select that image.
        output_shape: `(height, width, channels)`.
        mean: Mean of each channel of the images, in the teacher's input units.
        std: Standard deviation of each channel.
        width: Filters at full resolution, or at the first halved one within 64×64 pixels; twice as
            many at half of it.
        value_range: Minimum and maximum of each channel. None stands for three standard
            deviations around the mean.
        num_classes: Number of classes that the images are conditioned on; 0 for none.
        name: Name of the model.

    Returns:
        A model from latents `(batch, latent_size + procedural images + num_classes)` to images in
        the teacher's units.
    """
    height, breadth, channels = output_shape
    if value_range is None:
        value_range = (
            [m - 3 * s for m, s in zip(mean, std, strict=True)],
            [m + 3 * s for m, s in zip(mean, std, strict=True)],
        )
    low, high = (np.asarray(side, float) for side in value_range)
    count = affordable_count(_MOST_DRAWN, output_shape, _DRAWN_PIXELS, _LEAST_DRAWN)
    drawn = procedural_images(count, output_shape, _SEED)
    share = np.clip(drawn / 255, _MARGIN, 1 - _MARGIN)
    inputs, condition = conditional_input(latent_size, num_classes, count)
    choice = keras.ops.argmax(inputs[:, latent_size : latent_size + count], axis=-1)
    table = keras.layers.Embedding(
        count, math.prod(output_shape), trainable=False, dtype="float32", name="drawn"
    )
    raw = keras.layers.Reshape(output_shape)(table(choice))
    table.set_weights([np.log(share / (1 - share)).reshape(count, -1).astype(np.float32)])
    changed = keras.layers.Add(dtype="float32")([raw, _change(raw, condition, output_shape, width)])
    bounded = keras.layers.Activation("sigmoid", dtype="float32")(changed)
    images = keras.layers.Rescaling(
        scale=(high - low).tolist(), offset=low.tolist(), dtype="float32", name="image"
    )(bounded)
    return keras.Model(inputs, images, name=name)


def _change(
    raw: keras.KerasTensor,
    condition: keras.KerasTensor,
    output_shape: tuple[int, int, int],
    width: int,
) -> keras.KerasTensor:
    """Return what is added to a procedural image, before the sigmoid."""
    channels = output_shape[2]
    seen = keras.layers.Activation("sigmoid")(raw)
    factor = 2 ** max(0, math.ceil(math.log2(max(output_shape[:2]) / _LARGEST_SIDE)))
    if factor > 1:
        seen = keras.layers.AveragePooling2D(factor, padding="same")(seen)
    height, breadth = seen.shape[1:3]
    half = (-(-height // 2), -(-breadth // 2))
    fine = _convolution(seen, width)
    coarse = _convolution(fine, 2 * width, strides=2)
    depth = max(1, width // 2)
    varied = keras.layers.Dense(half[0] * half[1] * depth)(condition)
    varied = keras.layers.Reshape((*half, depth))(varied)
    coarse = _convolution(keras.layers.Concatenate()([coarse, varied]), 2 * width)
    up = UpsampledConv2D(width)(coarse)
    excess = [2 * h - s for h, s in zip(half, (height, breadth), strict=True)]
    if any(excess):
        up = keras.layers.Cropping2D([(0, e) for e in excess])(up)
    up = keras.layers.LeakyReLU(0.2)(_batch_norm(up))
    small = keras.initializers.VarianceScaling(0.05)
    change = keras.layers.Conv2D(
        channels, 3, padding="same", kernel_initializer=small, dtype="float32"
    )(keras.layers.Concatenate()([up, fine]))
    return change if factor == 1 else BilinearResize(*output_shape[:2], dtype="float32")(change)


def _convolution(inputs: keras.KerasTensor, filters: int, strides: int = 1) -> keras.KerasTensor:
    x = keras.layers.Conv2D(filters, 3, strides=strides, padding="same")(inputs)
    return keras.layers.LeakyReLU(0.2)(_batch_norm(x))


def _batch_norm(inputs: keras.KerasTensor) -> keras.KerasTensor:
    return keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(inputs)
