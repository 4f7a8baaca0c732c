"""Image generators: a dense layer, then up-sampling and convolution."""

from __future__ import annotations

import math
from collections.abc import Sequence

import keras

from dfad_tf.synthesis.generators.bilinear_resize import BilinearResize
from dfad_tf.synthesis.generators.class_condition import conditional_input
from dfad_tf.synthesis.generators.image_range import to_bounded_images, to_images
from dfad_tf.synthesis.generators.upsampled_convolution import UpsampledConv2D
from dfad_tf.utils.errors import InputError


def dfad_generator(
    latent_size: int,
    output_shape: tuple[int, int, int],
    mean: Sequence[float],
    std: Sequence[float],
    width: int = 64,
    name: str = "dfad",
) -> keras.Model:
    """Build the generator of DAFL and DFAD, which the paper's experiments use.

    It consists of a dense layer to a quarter of the image size, twice nearest up-sampling and a
    3×3 convolution with batch norm and leaky ReLU, a last convolution, tanh, and batch norm
    without parameters, which gives the images zero mean and unit variance.

    Args:
        latent_size: Length of the latent vector.
        output_shape: `(height, width, channels)`, both sides divisible by 4.
        mean: Mean of each channel of the images, in the teacher's input units.
        std: Standard deviation of each channel.
        width: Filters of the second convolution; the first has twice as many.
        name: Name of the model.

    Returns:
        A model from latents `(batch, latent_size)` to images in the teacher's units.

    Raises:
        InputError: If a side is not divisible by 4.

    Reference:
        Fang et al., arXiv 1912.11006. At 32×32×1 it takes 115 MMACs as published, and 52 here,
        where no up-sampled image is computed.
    """
    height, breadth, channels = output_shape
    if height % 4 or breadth % 4:
        raise InputError(
            "Expected `output_shape` with sides divisible by 4 for the generator 'dfad'; the "
            f"generator 'compact' supports any size. Received: {height}×{breadth}"
        )
    inputs = keras.Input((latent_size,), name="latent")
    x = keras.layers.Dense(2 * width * (height // 4) * (breadth // 4))(inputs)
    x = keras.layers.Reshape((height // 4, breadth // 4, 2 * width))(x)
    x = _batch_norm(x)
    for filters in (2 * width, width):
        x = _doubling_convolution(x, filters)
    x = keras.layers.Conv2D(channels, 3, padding="same")(x)
    return keras.Model(inputs, to_images(x, mean, std), name=name)


def compact_generator(
    latent_size: int,
    output_shape: tuple[int, int, int],
    mean: Sequence[float],
    std: Sequence[float],
    width: int = 16,
    value_range: tuple[Sequence[float], Sequence[float]] | None = None,
    num_classes: int = 0,
    name: str = "compact",
) -> keras.Model:
    """Build a generator for small networks and images of any size.

    It generates images at half the resolution and resizes them bilinearly. In `dfad_generator`,
    batch norm and convolutions at full resolution take most of the time, more than the networks
    that are distilled.

    Args:
        latent_size: Length of the latent vector.
        output_shape: `(height, width, channels)`.
        mean: Mean of each channel of the images, in the teacher's input units.
        std: Standard deviation of each channel.
        width: Filters of the last hidden convolution; the dense layer has four
            times as many at a quarter of the size.
        value_range: Minimum and maximum of each channel, in the teacher's input units. The
            images are then in this range, as real images are, with the same mean and standard
            deviation. None leaves them unbounded, as in `dfad_generator`.
        num_classes: Number of classes that the images are conditioned on; 0 for none. The input
            then has as many further values (see `class_condition`).
        name: Name of the model.

    Returns:
        A model from latents `(batch, latent_size + num_classes)` to images in the teacher's
        units.
    """
    height, breadth, channels = output_shape
    doublings = max(1, round(math.log2(max(height, breadth) / 16)))
    side = tuple(-(-s // 2 ** (doublings + 1)) for s in (height, breadth))
    inputs, x = conditional_input(latent_size, num_classes)
    x = _first_maps(x, side, 4 * width)
    for _ in range(doublings):
        x = _doubling_convolution(x, width)
    x = keras.layers.Conv2D(channels, 3, padding="same")(x)
    x = BilinearResize(height, breadth)(x)
    return keras.Model(inputs, _in_range(x, mean, std, value_range), name=name)


def full_generator(
    latent_size: int,
    output_shape: tuple[int, int, int],
    mean: Sequence[float],
    std: Sequence[float],
    width: int = 16,
    value_range: tuple[Sequence[float], Sequence[float]] | None = None,
    num_classes: int = 0,
    name: str = "full",
) -> keras.Model:
    """Build a generator at full resolution, for images of any size.

    Unlike `compact_generator`, it does not enlarge its images at the end, so that they have
    details of single pixels, as the statistics of a teacher's first layers require.

    Args:
        latent_size: Length of the latent vector.
        output_shape: `(height, width, channels)`. Images are generated in a multiple of their
            smallest size, and cropped.
        mean: Mean of each channel of the images, in the teacher's input units.
        std: Standard deviation of each channel.
        width: Filters of the last hidden convolution; up to four times as many before it.
        value_range: As for `compact_generator`.
        num_classes: As for `compact_generator`.
        name: Name of the model.

    Returns:
        A model from latents `(batch, latent_size + num_classes)` to images in the teacher's
        units.
    """
    height, breadth, channels = output_shape
    doublings = 1 + max(1, round(math.log2(max(height, breadth) / 16)))
    side = tuple(-(-s // 2**doublings) for s in (height, breadth))
    inputs, x = conditional_input(latent_size, num_classes)
    x = _first_maps(x, side, 4 * width)
    for index in range(doublings):
        x = _doubling_convolution(x, max(width, 2 * width // 2**index))
    x = keras.layers.Conv2D(channels, 3, padding="same")(x)
    excess = [s * 2**doublings - wanted for s, wanted in zip(side, (height, breadth), strict=True)]
    if any(excess):
        x = keras.layers.Cropping2D([(e // 2, e - e // 2) for e in excess])(x)
    return keras.Model(inputs, _in_range(x, mean, std, value_range), name=name)


def _first_maps(
    latents: keras.KerasTensor, side: tuple[int, ...], filters: int
) -> keras.KerasTensor:
    x = keras.layers.Dense(filters * side[0] * side[1])(latents)
    x = keras.layers.Reshape((*side, filters))(x)
    return keras.layers.LeakyReLU(0.2)(_batch_norm(x))


def _in_range(
    raw: keras.KerasTensor,
    mean: Sequence[float],
    std: Sequence[float],
    value_range: tuple[Sequence[float], Sequence[float]] | None,
) -> keras.KerasTensor:
    if value_range is None:
        return to_images(raw, mean, std)
    return to_bounded_images(raw, mean, std, value_range)


def _doubling_convolution(inputs: keras.KerasTensor, filters: int) -> keras.KerasTensor:
    x = _batch_norm(UpsampledConv2D(filters)(inputs))
    return keras.layers.LeakyReLU(0.2)(x)


def _batch_norm(inputs: keras.KerasTensor) -> keras.KerasTensor:
    return keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(inputs)
