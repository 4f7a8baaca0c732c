"""Detect which pixels a teacher expects, from the teacher alone."""

from __future__ import annotations

import math
from collections.abc import Sequence

import keras
import numpy as np

from dfad_tf.data.pixel_contract import PixelContract
from dfad_tf.data.smooth_images import ORDINARY_MEAN, ORDINARY_STD
from dfad_tf.graphs.layer_graph import is_graph
from dfad_tf.graphs.steps import run_steps
from dfad_tf.teachers.adapted_ends import TOOK_BYTES
from dfad_tf.teachers.pixel_evidence import Evidence, answer_evidence, batch_norm_evidence
from dfad_tf.teachers.preprocessing import Preprocessing, read_preprocessing
from dfad_tf.teachers.saved_model_teacher import SavedModelTeacher
from dfad_tf.utils.errors import InputError

# The range of the standard deviation of ordinary images, in raw pixels. That of black ink on
# white is 80.
_NARROWEST_STD, _WIDEST_STD = 8.0, 110.0
# The mean of images in the input range of a teacher: what is above the first is raw pixels, and
# what is nearer to 0 than the second may be standardized. Images of ink on black paper, from 0 to
# 1, have a mean of 0.13.
_LARGEST_UNIT, _NEAR_ZERO = 4.0, 0.08
_PLAUSIBLE_MEANS = (10.0, 245.0)  # of images, in raw pixels
_OWN_MEAN = 0.2
_LARGEST_CENTERED = 30.0  # of the mean of raw pixels from which another mean was subtracted
# Mean and standard deviation that are often removed: those of ImageNet, of MNIST and its
# likes, and of photographs in general.
STATISTICS: dict[int, list[tuple[tuple[float, ...], tuple[float, ...]]]] = {
    3: [((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))],
    1: [((33.3,), (78.6,)), ((72.9,), (90.0,)), ((ORDINARY_MEAN,), (ORDINARY_STD,))],
}
# Margins that make the best candidate certain: of the logarithms of the distances, and of shares
# of the largest entropy; see benchmarks/pixel_teachers.py.
_BEHIND_ACTIVATIONS, _BEHIND_CONVOLUTION, _OF_ANSWERS = 1.25, 0.5, 0.065
_LARGEST_ERROR = 0.3  # of the solution for the mean, relative to the moving mean


class UndecidedPixelsError(InputError):
    """The pixels that a teacher expects are not certain.

    Attributes:
        candidates: Those that its file allows, the best first.
    """

    def __init__(self, candidates: Sequence[PixelContract]) -> None:
        names = list(dict.fromkeys(candidate.range for candidate in candidates))
        super().__init__(
            "Expected `contract`, the pixels that the teacher was trained on: its file does not "
            f"say, and they may be {' or '.join(names)}. Received: none"
        )
        self.candidates = list(candidates)


def detect_contract(teacher: keras.Model, decide: bool = False) -> PixelContract:
    """Infer the input range of a teacher, and the mean and standard deviation of its images.

    The first of these that the teacher has decides: preprocessing at its input, as layers or as
    operations, also in front of or inside of nested models; an input of type uint8, which says
    raw pixels; the statistics of its first batch normalization, which indicate the range that it
    was trained on; its answers to drawn images.

    Args:
        teacher: A classifier of images `(height, width, channels)`.
        decide: Whether the best candidate is returned even if another one is nearly as good.

    Returns:
        The contract. Its `source` states how it was inferred, and so how certain it is.

    Raises:
        UndecidedPixelsError: If several candidates are nearly as good, and `decide` is False.

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
    mean = None if by_batch_norm is None else mean_pixel(*by_batch_norm)
    if getattr(teacher, TOOK_BYTES, False):
        return _with_mean(_candidates(channels, 1)[0], mean, "its input has the type uint8")
    if by_batch_norm is not None:
        source = "inferred from its first batch normalization"
        # Images have a mean near 0 if their own statistics were removed.
        own = mean is None or abs(float(np.mean(mean))) < _OWN_MEAN
        candidates = _candidates(channels, 3 if own else 1)
        if mean is not None:
            candidates = [c for c in candidates if c.range in _ranges_with_mean(mean)]
        needed = _BEHIND_ACTIVATIONS if mean is None else _BEHIND_CONVOLUTION
        evidence = batch_norm_evidence(*by_batch_norm, candidates, needed)
    else:
        source = "inferred from its answers to drawn images"
        candidates = _candidates(channels, 1)
        evidence = answer_evidence(teacher, candidates, _OF_ANSWERS)
    candidates, evidence = _of_each_range(candidates, evidence)
    best = candidates[evidence.best]
    if not evidence.is_certain:
        order = np.argsort(evidence.scores)[::-1]
        if not decide:
            least = max(evidence.scores) - 2 * evidence.needed
            near = [place for place in order if evidence.scores[place] >= least]
            raise UndecidedPixelsError([candidates[n] for n in near])
        source = f"the best guess, not certain, {source}"
    if len(candidates) > 1 and math.isfinite(evidence.needed):
        source += f", by a margin of {evidence.margin:.2g}; {evidence.needed:.2g} is certain"
    return _with_mean(best, mean, source)


def _with_mean(best: PixelContract, mean: np.ndarray | None, source: str) -> PixelContract:
    """Return a contract with the mean of its images, where that was solved for."""
    if mean is None or best.range in ("standardized", "centered"):
        return PixelContract(best.range, best.mean, best.std, source)
    raw = np.clip((mean - best.offset) / best.scale, *_PLAUSIBLE_MEANS)
    return PixelContract(best.range, tuple(raw.tolist()), best.std, source)


def _of_each_range(
    candidates: list[PixelContract], evidence: Evidence
) -> tuple[list[PixelContract], Evidence]:
    """Keep the best candidate of each range."""
    places: dict[str, int] = {}
    for place in np.argsort(evidence.scores):
        places[candidates[place].range] = int(place)
    kept = sorted(places.values())
    scores = [evidence.scores[place] for place in kept]
    return [candidates[place] for place in kept], Evidence(scores, evidence.needed)


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

    Raises:
        InputError: If a range needs a mean that is not given.

    Example:

    >>> declared_contract("zero_one", 3, mean=None, std=None).mean
    (115.0, 115.0, 115.0)
    """
    if name == "centered" and mean is None:
        if channels != 3:
            raise InputError(
                "Expected `mean` for images without three channels and the range 'centered'. "
                "Received: None"
            )
        mean = STATISTICS[3][0][0][::-1]
    mean, std = tuple(mean or (ORDINARY_MEAN,)), tuple(std or (ORDINARY_STD,))
    if len(mean) != len(std) == 1:
        std *= len(mean)
    return PixelContract(name, mean, std, "declared by the user").for_channels(channels)


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


def _candidates(channels: int, known: int) -> list[PixelContract]:
    """Return what a teacher without preprocessing may expect.

    Args:
        channels: Number of channels of its images.
        known: Number of known means and standard deviations that may have been removed; answers do
            not tell similar ones apart.
    """
    ordinary = ((ORDINARY_MEAN,) * channels, (ORDINARY_STD,) * channels)
    found = [PixelContract(name, *ordinary) for name in ("pixels", "zero_one", "minus_one_one")]
    removed = STATISTICS.get(channels, [ordinary])[:known]
    found += [PixelContract("standardized", mean, std) for mean, std in removed]
    if channels == 3:
        mean = STATISTICS[3][0][0][::-1]  # Keras's mode "caffe" has blue first
        found.append(PixelContract("centered", mean, ordinary[1]))
    return found


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

    Raw pixels are far above 1, also where a mean was subtracted that is not theirs. Images from 0
    to 1 have no mean below 0.
    """
    middle = float(np.mean(mean))
    if float(np.max(np.abs(mean))) > _LARGEST_UNIT:
        return ("pixels",) if middle > _LARGEST_CENTERED else ("pixels", "centered")
    of_any_mean = ("minus_one_one", "standardized", "centered")
    return of_any_mean if middle < -_NEAR_ZERO else ("zero_one", *of_any_mean)
