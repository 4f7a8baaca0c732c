"""Image generators: a dense layer, then up-sampling and convolution."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

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
    """The generator of DAFL and DFAD, which the paper's experiments stand on.

    A dense layer to a quarter of the image, twice nearest up-sampling and a 3×3
    convolution with batch norm and leaky ReLU, a last convolution, tanh, and
    batch norm without parameters, which gives images zero mean and unit variance.

    Args:
        latent_size: Length of the latent vector.
        output_shape: `(height, width, channels)`, both sides divisible by 4.
        mean: Mean of each channel of the images, in the teacher's input units.
        std: Deviation of each channel.
        width: Filters of the second convolution; the first has twice as many.
        name: Name of the model.

    Returns:
        A model from latents `(batch, latent_size)` to images in the teacher's units.

    Raises:
        InputError: If a side is not divisible by 4.

    Reference:
        Fang et al., arXiv 1912.11006; 115 MMACs at 32×32×1 as
        published, 52 here, where the doubled images are never made.
    """
    height, breadth, channels = output_shape
    if height % 4 or breadth % 4:
        raise InputError(
            "Expected images whose sides are divisible by 4 for --generator=dfad. "
            f"Received: {height}×{breadth}. Take --generator=compact for any size."
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
    name: str = "compact",
) -> keras.Model:
    """A generator in proportion to small networks, for images of any size.

    It draws at half the resolution, and bilinear resizing brings the drawing to
    the image's size: batch norm and convolutions at full resolution cost most of
    the time in `dfad_generator`, more than the networks that are distilled.

    Args:
        latent_size: Length of the latent vector.
        output_shape: `(height, width, channels)`.
        mean: Mean of each channel of the images, in the teacher's input units.
        std: Deviation of each channel.
        width: Filters of the last hidden convolution; the dense layer has four
            times as many at a quarter of the size.
        value_range: Black and white of each channel in the teacher's input units.
            Images then lie between them, as real ones do, and have the mean and
            deviation all the same. None leaves them unbounded, as `dfad_generator` does.
        name: Name of the model.

    Returns:
        A model from latents `(batch, latent_size)` to images in the teacher's units.
    """
    height, breadth, channels = output_shape
    doublings = max(1, round(math.log2(max(height, breadth) / 16)))
    side = tuple(-(-s // 2 ** (doublings + 1)) for s in (height, breadth))
    inputs = keras.Input((latent_size,), name="latent")
    x = keras.layers.Dense(4 * width * side[0] * side[1])(inputs)
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

    TensorFlow's own resizing runs its gradient on one thread, without vector
    instructions.

    Args:
        height: Rows of the output.
        width: Columns of the output.
        **arguments: As for every Keras layer.
    """

    def __init__(self, height: int, width: int, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.height = height
        self.width = width

    def compute_output_shape(self, input_shape: Any) -> tuple[Any, ...]:
        return (input_shape[0], self.height, self.width, input_shape[3])

    def call(self, inputs: Any) -> Any:
        rows = keras.ops.cast(bilinear_weights(inputs.shape[1], self.height), inputs.dtype)
        columns = keras.ops.cast(bilinear_weights(inputs.shape[2], self.width), inputs.dtype)
        return keras.ops.einsum("ih,bhwc,jw->bijc", rows, inputs, columns)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "height": self.height, "width": self.width}


def bilinear_weights(size: int, target: int) -> np.ndarray:
    """Matrix `(target, size)` that interpolates linearly between pixel centres."""
    place = np.clip((np.arange(target) + 0.5) * size / target - 0.5, 0, size - 1)
    below = np.floor(place).astype(int)
    above = np.minimum(below + 1, size - 1)
    weights = np.zeros((target, size), np.float32)
    rows = np.arange(target)
    np.add.at(weights, (rows, below), 1 - (place - below))
    np.add.at(weights, (rows, above), place - below)
    return weights


def _to_images(raw: Any, mean: Sequence[float], std: Sequence[float]) -> Any:
    """Turn raw outputs into inputs of the teacher.

    Tanh and batch norm without parameters give zero mean and unit variance, the
    normalised space of real images; scaling moves them to the teacher's units,
    without rounding or clipping, so that gradients pass unchanged.
    """
    x = keras.layers.Activation("tanh")(raw)
    x = keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, center=False, scale=False)(x)
    return keras.layers.Rescaling(
        scale=list(map(float, std)), offset=list(map(float, mean)), dtype="float32", name="image"
    )(x)


def _to_bounded_images(
    raw: Any,
    mean: Sequence[float],
    std: Sequence[float],
    value_range: tuple[Sequence[float], Sequence[float]],
) -> Any:
    """Turn raw outputs into inputs of the teacher between black and white.

    Batch norm makes them standard normal; a sigmoid of the right slope and place
    then gives them the mean and deviation of real images.
    """
    low, high = (np.asarray(side, float) for side in value_range)
    shapes = [
        sigmoid_shape((m - a) / (b - a), s / (b - a))
        for m, s, a, b in zip(mean, std, low, high, strict=True)
    ]
    x = keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, center=False, scale=False)(raw)
    x = keras.layers.Rescaling([slope for slope, _ in shapes], [place for _, place in shapes])(x)
    x = keras.layers.Activation("sigmoid")(x)
    return keras.layers.Rescaling(
        scale=(high - low).tolist(), offset=low.tolist(), dtype="float32", name="image"
    )(x)


def sigmoid_shape(mean: float, std: float) -> tuple[float, float]:
    """Return slope and place that give sigmoid(slope · z + place) a mean and a deviation.

    Args:
        mean: Wanted mean, for z standard normal, in (0, 1).
        std: Wanted deviation, at most 95 % of what black and white alone can have.

    Returns:
        Slope and place.
    """
    from scipy import optimize  # slow to import, and for this alone

    mean = min(max(mean, 0.02), 0.98)
    std = min(std, 0.95 * math.sqrt(mean * (1 - mean)))
    nodes, weights = np.polynomial.hermite_e.hermegauss(101)
    weights = weights / weights.sum()

    def miss(shape: np.ndarray) -> list[float]:
        values = 1 / (1 + np.exp(-np.clip(shape[0] * nodes + shape[1], -500, 500)))
        found = float(weights @ values)
        return [found - mean, math.sqrt(float(weights @ (values - found) ** 2)) - std]

    start = (4 * std, math.log(mean / (1 - mean)))
    slope, place = optimize.least_squares(miss, start).x
    return float(slope), float(place)


def _doubling_convolution(inputs: Any, filters: int) -> Any:
    x = _batch_norm(UpsampledConv2D(filters)(inputs))
    return keras.layers.LeakyReLU(0.2)(x)


def _batch_norm(inputs: Any) -> Any:
    return keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(inputs)
