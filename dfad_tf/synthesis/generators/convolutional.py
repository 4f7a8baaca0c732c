"""Image generators: a dense layer, then up-sampling and convolution."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dfad_tf.synthesis.generators.class_condition import conditional_input
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
    return keras.Model(inputs, _to_images(x, mean, std), name=name)


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
    x = keras.layers.Dense(4 * width * side[0] * side[1])(x)
    x = keras.layers.Reshape((*side, 4 * width))(x)
    x = keras.layers.LeakyReLU(0.2)(_batch_norm(x))
    for _ in range(doublings):
        x = _doubling_convolution(x, width)
    x = keras.layers.Conv2D(channels, 3, padding="same")(x)
    x = BilinearResize(height, breadth)(x)
    if value_range is None:
        return keras.Model(inputs, _to_images(x, mean, std), name=name)
    return keras.Model(inputs, _to_bounded_images(x, mean, std, value_range), name=name)


@keras.saving.register_keras_serializable("dfad_tf")
class BilinearResize(keras.layers.Layer):
    """Bilinear resizing as two matrix products.

    The gradient of TensorFlow's resizing runs on one thread, without vector instructions.

    Args:
        height: Rows of the output.
        width: Columns of the output.
        **arguments: As for every Keras layer.
    """

    def __init__(self, height: int, width: int, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.height = height
        self.width = width

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (input_shape[0], self.height, self.width, input_shape[3])

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        rows = keras.ops.cast(bilinear_weights(inputs.shape[1], self.height), inputs.dtype)
        columns = keras.ops.cast(bilinear_weights(inputs.shape[2], self.width), inputs.dtype)
        return keras.ops.einsum("ih,bhwc,jw->bijc", rows, inputs, columns)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "height": self.height, "width": self.width}


def bilinear_weights(size: int, target: int) -> np.ndarray:
    """Return the matrix `(target, size)` of linear interpolation between pixel centers.

    Args:
        size: Number of pixels of the input.
        target: Number of pixels of the output.
    """
    position = np.clip((np.arange(target) + 0.5) * size / target - 0.5, 0, size - 1)
    below = np.floor(position).astype(int)
    above = np.minimum(below + 1, size - 1)
    weights = np.zeros((target, size), np.float32)
    rows = np.arange(target)
    np.add.at(weights, (rows, below), 1 - (position - below))
    np.add.at(weights, (rows, above), position - below)
    return weights


def _to_images(
    raw: keras.KerasTensor, mean: Sequence[float], std: Sequence[float]
) -> keras.KerasTensor:
    """Return images in the teacher's units from raw outputs.

    Tanh and batch norm without parameters give the outputs zero mean and unit variance, as
    normalized real images have. Scaling converts them to the teacher's units, without rounding
    or clipping, so that gradients pass unchanged.
    """
    x = keras.layers.Activation("tanh")(raw)
    x = keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, center=False, scale=False)(x)
    return keras.layers.Rescaling(
        scale=list(map(float, std)), offset=list(map(float, mean)), dtype="float32", name="image"
    )(x)


def _to_bounded_images(
    raw: keras.KerasTensor,
    mean: Sequence[float],
    std: Sequence[float],
    value_range: tuple[Sequence[float], Sequence[float]],
) -> keras.KerasTensor:
    """Return images in a bounded range from raw outputs.

    Batch norm gives the outputs zero mean and unit variance. A sigmoid with a suitable slope and
    offset then gives them the mean and standard deviation of real images.
    """
    low, high = (np.asarray(side, float) for side in value_range)
    shapes = [
        sigmoid_shape((m - a) / (b - a), s / (b - a))
        for m, s, a, b in zip(mean, std, low, high, strict=True)
    ]
    x = keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, center=False, scale=False)(raw)
    x = keras.layers.Rescaling([slope for slope, _ in shapes], [offset for _, offset in shapes])(x)
    x = keras.layers.Activation("sigmoid")(x)
    return keras.layers.Rescaling(
        scale=(high - low).tolist(), offset=low.tolist(), dtype="float32", name="image"
    )(x)


def sigmoid_shape(mean: float, std: float) -> tuple[float, float]:
    """Return the slope and offset with which sigmoid(slope · z + offset) has given moments.

    Args:
        mean: Mean for a standard normal z, in (0, 1).
        std: Standard deviation. It is limited to 95 % of that of a distribution on 0 and 1
            alone.

    Returns:
        Slope and offset.
    """
    from scipy import optimize  # A slow import, which only this function needs.

    mean = min(max(mean, 0.02), 0.98)
    std = min(std, 0.95 * math.sqrt(mean * (1 - mean)))
    nodes, weights = np.polynomial.hermite_e.hermegauss(101)
    weights = weights / weights.sum()

    def error(shape: np.ndarray) -> list[float]:
        values = 1 / (1 + np.exp(-np.clip(shape[0] * nodes + shape[1], -500, 500)))
        found = float(weights @ values)
        return [found - mean, math.sqrt(float(weights @ (values - found) ** 2)) - std]

    start = (4 * std, math.log(mean / (1 - mean)))
    slope, offset = optimize.least_squares(error, start).x
    return float(slope), float(offset)


def _doubling_convolution(inputs: keras.KerasTensor, filters: int) -> keras.KerasTensor:
    x = _batch_norm(UpsampledConv2D(filters)(inputs))
    return keras.layers.LeakyReLU(0.2)(x)


def _batch_norm(inputs: keras.KerasTensor) -> keras.KerasTensor:
    return keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(inputs)
