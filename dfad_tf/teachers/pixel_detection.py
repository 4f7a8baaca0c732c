"""Detect which pixels a teacher expects, from the teacher alone."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np

from dfad_tf.data.pixel_contract import RANGES, PixelContract
from dfad_tf.data.smooth_images import ORDINARY_MEAN, ORDINARY_STD, smooth_images
from dfad_tf.graphs.layer_graph import is_graph
from dfad_tf.graphs.steps import run_steps
from dfad_tf.teachers.preprocessing import Preprocessing, read_preprocessing
from dfad_tf.teachers.saved_model_teacher import SavedModelTeacher
from dfad_tf.teachers.teacher_signals import TeacherSignals

# The range of the standard deviation of ordinary images, in raw pixels. That of black ink on
# white is 80.
_NARROWEST_STD, _WIDEST_STD = 8.0, 110.0
# The mean of images in the input range of a teacher: what is above the first is raw pixels, and
# what is nearer to 0 than the second may be standardized. Images of ink on black paper, from 0 to
# 1, have a mean of 0.13.
_LARGEST_UNIT, _NEAR_ZERO = 4.0, 0.08
_PLAUSIBLE_MEANS = (10.0, 245.0)  # of images, in raw pixels
_LARGEST_ERROR = 0.3  # of the solution for the mean, relative to the moving mean


def detect_contract(teacher: keras.Model) -> PixelContract:
    """Infer the input range of a teacher, and the mean and standard deviation of its images.

    The first of these that the teacher has decides: preprocessing at its input, as layers or as
    operations, also in front of or inside of nested models; the statistics of its first batch
    normalization, which indicate the range that it was trained on; the size of its logits for
    smooth random images.

    Args:
        teacher: A classifier of images `(height, width, channels)`.

    Returns:
        The contract. Its `source` states how it was inferred, and so how certain it is.

    Example:

    >>> entrance = [keras.Input((8, 8, 1)), keras.layers.Rescaling(1 / 255)]
    >>> detect_contract(keras.Sequential([*entrance, *teacher.layers])).range
    'pixels'
    """
    channels = teacher.input_shape[-1]
    if isinstance(teacher, SavedModelTeacher):
        affine, by_batch_norm = teacher.preprocessing(), None
    elif is_graph(teacher):
        read = read_preprocessing(teacher)
        affine = (read.scale, read.offset) if read.found else None
        by_batch_norm = _first_batch_norm(teacher, read)
    else:
        affine = by_batch_norm = None
    if affine is not None:
        return _from_preprocessing(*affine).for_channels(channels)
    candidates = [_candidate(name, channels) for name in RANGES]
    if by_batch_norm is not None:
        network, norm = by_batch_norm
        source = "inferred from its first batch normalization"
        mean = mean_pixel(network, norm)
        if mean is not None:
            candidates = [c for c in candidates if c.range in _ranges_with_mean(mean)]
        scores = [_distance(network, norm, c, teacher.input_shape[1:]) for c in candidates]
        best = candidates[int(np.argmin(scores))]
        if mean is None or best.range == "standardized":
            return _named(best, source)
        raw = np.clip((mean - best.offset) / best.scale, *_PLAUSIBLE_MEANS)
        return PixelContract(best.range, tuple(raw.tolist()), best.std, source)
    return _named(_by_logits(teacher, candidates), "guessed from the size of its logits")


def declared_contract(
    name: str, channels: int, mean: Sequence[float] | None, std: Sequence[float] | None
) -> PixelContract:
    """Return the contract that a user declares.

    Args:
        name: A name of `RANGES`.
        channels: Number of channels of the images.
        mean: Mean of each channel of the images in raw pixels, or one mean for all channels.
            None stands for that of photographs.
        std: Standard deviation of each channel in raw pixels, above 0, in the same form.

    Example:

    >>> declared_contract("zero_one", 3, mean=None, std=None).mean
    (115.0, 115.0, 115.0)
    """
    return PixelContract(
        name,
        tuple(mean or (ORDINARY_MEAN,)),
        tuple(std or (ORDINARY_STD,)),
        "declared by the user",
    ).for_channels(channels)


def _from_preprocessing(scale: np.ndarray, offset: np.ndarray) -> PixelContract:
    """Infer the range of a teacher's images from the values that its preprocessing maps to 0."""
    source = "read from its preprocessing layers"
    mean, std = -offset / scale, 1 / scale  # they map to 0, and to a difference of 1
    size = float(np.mean(np.abs(std)))
    if size > 4 or float(np.max(np.abs(mean))) > 4:
        name, unit, zero = "pixels", 1.0, 0.0
    elif float(np.mean(mean)) < -0.02:
        name, unit, zero = "minus_one_one", 127.5, 127.5
    else:
        name, unit, zero = "zero_one", 255.0, 0.0
    if size * unit > _WIDEST_STD:
        # A change of range does not indicate the mean and standard deviation of the images.
        return PixelContract(name, (ORDINARY_MEAN,), (ORDINARY_STD,), source)
    if size * unit < _NARROWEST_STD:  # only the mean is subtracted
        deviations = (ORDINARY_STD,) * len(mean)
        return PixelContract(name, tuple((mean * unit + zero).tolist()), deviations, source)
    return PixelContract(
        name, tuple((mean * unit + zero).tolist()), tuple((np.abs(std) * unit).tolist()), source
    )


def _candidate(name: str, channels: int) -> PixelContract:
    return PixelContract(name, (ORDINARY_MEAN,) * channels, (ORDINARY_STD,) * channels)


def _named(contract: PixelContract, source: str) -> PixelContract:
    return PixelContract(contract.range, contract.mean, contract.std, source)


def _first_batch_norm(
    teacher: keras.Model, read: Preprocessing
) -> tuple[keras.Model, keras.layers.BatchNormalization] | None:
    """Return the first batch normalization, and the network from images to its input."""
    for step in read.steps.steps:
        if isinstance(step.operation, keras.layers.BatchNormalization):
            inputs = keras.Input(teacher.input_shape[1:])
            wanted = step.inputs[0]
            values = run_steps(read.steps.steps, {read.steps.input: inputs}, [wanted])
            return keras.Model(inputs, values[wanted]), step.operation
    return None


def mean_pixel(network: keras.Model, norm: keras.layers.BatchNormalization) -> np.ndarray | None:
    """Solve for the mean of each channel of the images that a teacher was trained on.

    The mean of an affine function of images depends on their mean alone: the moving mean of a
    batch normalization behind convolutions determines it, up to what their padding adds.

    Args:
        network: From images to the input of the batch normalization.
        norm: The batch normalization.

    Returns:
        `(channels,)` in the teacher's input units; None if the network is not affine, or no mean
        of its images explains the moving mean.
    """
    shape = network.input_shape[1:]
    channels = shape[-1]
    probes = np.zeros((channels + 2, *shape), np.float32)
    probes[1:-1] += np.eye(channels, dtype=np.float32)[:, None, None]
    probes[-1] = -2.0  # an activation function responds otherwise below 0
    found = keras.ops.convert_to_numpy(network(probes, training=False))
    means = found.reshape(len(probes), -1, found.shape[-1]).mean(1)
    effects = (means[1:-1] - means[0]).T
    if not np.allclose(means[-1] - means[0], -2 * effects.sum(1), rtol=1e-3, atol=1e-4):
        return None
    wanted = keras.ops.convert_to_numpy(norm.moving_mean) - means[0]
    mean, *_ = np.linalg.lstsq(effects, wanted, rcond=None)
    error = np.linalg.norm(effects @ mean - wanted)
    return mean if error < _LARGEST_ERROR * np.linalg.norm(wanted) else None


def _ranges_with_mean(mean: np.ndarray) -> tuple[str, ...]:
    """Return the ranges in which images of this mean are likely.

    Raw pixels are far above 1. A mean well above 0 belongs to images from 0 to 1, dark ones as a
    rule; one well below 0 to images from -1 to 1. Near 0, both -1 to 1 and standardized images
    are possible.
    """
    middle = float(np.mean(mean))
    if float(np.max(np.abs(mean))) > _LARGEST_UNIT:
        return ("pixels",)
    if middle > _NEAR_ZERO:
        return ("zero_one",)
    return ("minus_one_one",) if middle < -_NEAR_ZERO else ("minus_one_one", "standardized")


def _distance(
    network: keras.Model,
    norm: keras.layers.BatchNormalization,
    contract: PixelContract,
    shape: tuple[int, int, int],
) -> float:
    """Return the distance of smooth images in this range from the statistics of a layer."""
    inputs = contract.to_input(smooth_images(64, shape))
    values = keras.ops.convert_to_numpy(network(inputs, training=False))
    axes = tuple(range(values.ndim - 1))
    mean, variance = values.mean(axes), values.var(axes) + 1e-8
    known_mean = keras.ops.convert_to_numpy(norm.moving_mean)
    known = keras.ops.convert_to_numpy(norm.moving_variance) + 1e-8
    # The symmetric divergence of two normal distributions: it is large for a range that is far
    # too small and for one that is far too large.
    gap = (mean - known_mean) ** 2
    return float(np.median(variance / known + known / variance + gap / known + gap / variance))


def _by_logits(teacher: keras.Model, candidates: list[PixelContract]) -> PixelContract:
    signals = TeacherSignals(teacher)
    images = smooth_images(64, teacher.input_shape[1:])
    spread = {
        c.range: float(np.median(np.ptp(np.asarray(signals(c.to_input(images))[0]), axis=-1)))
        for c in candidates
    }
    # The logits of a trained classifier differ by a few units to a few tens. With inputs
    # 255 times too large or too small they do not.
    distance = {name: abs(np.log(value / 10 + 1e-9)) for name, value in spread.items()}
    name = "pixels" if distance["pixels"] < distance["zero_one"] else "zero_one"
    return next(c for c in candidates if c.range == name)
