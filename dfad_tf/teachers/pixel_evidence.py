"""How well each range of pixels explains what a teacher has learned."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np

from dfad_tf.data.pixel_contract import PixelContract
from dfad_tf.data.procedural_images import procedural_images
from dfad_tf.graphs.multiply_adds import multiply_adds
from dfad_tf.teachers.teacher_signals import TeacherSignals
from dfad_tf.utils.image_counts import affordable_count

# Drawn images of several kinds, because it is not known which the teacher was trained on:
# symbols on dark or on light ground, photographs, and enlarged scans.
_KINDS: tuple[dict[str, Any], ...] = (
    {"symbol_share": 1.0, "dark_share": 1.0},
    {"symbol_share": 1.0, "dark_share": 0.0},
    {"symbol_share": 0.0},
    {"symbol_share": 1.0, "dark_share": 1.0, "blur": 0.06},
    {},
)
_ANSWERED = 3  # kinds whose answers are compared
_COUNT, _LEAST = 256, 16
_MOST_PIXELS = 2**18  # of the images of one kind
_MOST_MACS = 3e11  # of all answers, some ten seconds
_LARGEST_DISTANCE = 2.0  # of images that explain the statistics of a layer
# Shares of the initial 1 that moving variances may still contain.
_SHARES = (0.0, 0.001, 0.002, 0.004, 0.008, 0.016, 0.03, 0.06)
# The logits of a trained classifier differ by a few units to a few tens.
_ORDINARY_SPREAD, _TOLERANCE, _SPREAD_WEIGHT = 7.5, 0.7, 0.26
# Untrained networks answer raw pixels with large logits, and something of it stays.
_RAW, _RAW_TOLERANCE = ("pixels", "centered"), 3.0
_LEAST_GROWTH = 4.0  # of the logits of a ReLU network, for images that are 255 times as large


class Evidence(NamedTuple):
    """Scores of candidates.

    Attributes:
        scores: One for each candidate; the highest is the best.
        needed: By how much the best must exceed the others to be certain.
    """

    scores: list[float]
    needed: float

    @property
    def best(self) -> int:
        """Place of the best candidate."""
        return int(np.argmax(self.scores))

    @property
    def margin(self) -> float:
        """By how much the best exceeds the second best; infinite for a single candidate."""
        first, *others = sorted(self.scores, reverse=True)
        return first - others[0] if others else math.inf

    @property
    def is_certain(self) -> bool:
        """Whether the best candidate can be relied on."""
        return self.margin >= self.needed


def batch_norm_evidence(
    network: keras.Model,
    norm: keras.layers.BatchNormalization,
    candidates: Sequence[PixelContract],
    needed: float,
) -> Evidence:
    """Compare the moving statistics of a layer with its statistics for drawn images.

    Args:
        network: From images to the input of the batch normalization.
        norm: The batch normalization.
        candidates: The ranges to compare.
        needed: The margin that makes the best certain.

    Returns:
        For each candidate the negated logarithm of the distance of the nearest kind of images: the
        symmetric divergence of two normal distributions, median over channels. Nothing is certain
        where even the nearest images are far.
    """
    shape = network.input_shape[1:]
    mean = keras.ops.convert_to_numpy(norm.moving_mean).astype(float)
    variance = keras.ops.convert_to_numpy(norm.moving_variance).astype(float)
    drawn = _drawn(shape, _count(shape, 64), len(_KINDS))
    scores = []
    for candidate in candidates:
        distances = []
        for pixels in drawn:
            answers = network(candidate.to_input(pixels), training=False)
            values = keras.ops.convert_to_numpy(answers).astype(float)
            axes = tuple(range(values.ndim - 1))
            found, spread = values.mean(axes), values.var(axes) + 1e-8
            for share in _SHARES:
                rest = np.maximum(variance - share, 0.01 * variance) / (1 - share) + 1e-8
                gap = (found - mean / (1 - share)) ** 2
                terms = spread / rest + rest / spread + gap / rest + gap / spread - 2
                distances.append(float(np.median(terms)))
        scores.append(-math.log(min(distances) + 1e-3))
    explained = max(scores) > -math.log(_LARGEST_DISTANCE)
    return Evidence(scores, needed if explained else math.inf)


def answer_evidence(
    teacher: keras.Model, candidates: Sequence[PixelContract], needed: float
) -> Evidence:
    """Compare the answers of a teacher to drawn images.

    With the right pixels, a teacher puts images that look like its own into many classes, and its
    logits are of ordinary size. Pixels that are shifted, too large or too small end in a few
    classes or in extreme logits. Of each kind of images, the one with the best score counts.

    Args:
        teacher: A classifier.
        candidates: The ranges to compare.
        needed: The margin that makes the best certain.

    Returns:
        For each candidate the entropy of the classes, as a share of the largest, less a penalty
        for the size of the logits. Nothing is certain where the teacher's layers saturate, because
        its logits do not depend on the size of the pixels then.
    """
    shape, classes = teacher.input_shape[1:], int(teacher.output_shape[-1])
    signals = TeacherSignals(teacher)
    macs = max(1, multiply_adds(teacher)) * len(candidates) * _ANSWERED
    count = _count(shape, max(_LEAST, min(_COUNT, int(_MOST_MACS / macs))))
    drawn = _drawn(shape, count, _ANSWERED)
    scores, spreads = [], []
    for candidate in candidates:
        of_kinds = []
        for pixels in drawn:
            logits = np.asarray(signals(candidate.to_input(pixels))[0])
            spread = float(np.median(np.ptp(logits, axis=-1)))
            spreads.append(spread)
            shares = np.bincount(logits.argmax(-1), minlength=classes) / len(logits)
            entropy = -float(np.sum(shares * np.log(shares + 1e-12))) / math.log(classes)
            size = math.log((spread + 1e-6) / _ORDINARY_SPREAD)
            most = _RAW_TOLERANCE if candidate.range in _RAW else _TOLERANCE
            excess = max(0.0, size - most, -size - _TOLERANCE)
            of_kinds.append(entropy - _SPREAD_WEIGHT * excess)
        scores.append(max(of_kinds))
    saturates = max(spreads) < _LEAST_GROWTH * min(spreads)
    return Evidence(scores, math.inf if saturates else needed)


def _count(shape: tuple[int, int, int], count: int) -> int:
    return affordable_count(count, shape[:2], _MOST_PIXELS, _LEAST)


def _drawn(shape: tuple[int, int, int], count: int, kinds: int) -> list[np.ndarray]:
    return [procedural_images(count, shape, **kind) for kind in _KINDS[:kinds]]
