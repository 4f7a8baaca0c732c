"""How far images lie from the data whose statistics a teacher's batch normalizations recorded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from dfad_tf.distillation.image_moments import SMALLEST_VARIANCE, recorded_statistics
from dfad_tf.teachers.teacher_signals import TeacherSignals


class Answers(NamedTuple):
    """What a teacher says of a set of images.

    Attributes:
        logits: `(n, num_classes)`.
        distances: Distance of the images from the recorded statistics, in each layer.
        between_halves: Distance of their second half from their first, in each layer: that of
            another set of the same source, half as large. Empty for a single image.
    """

    logits: np.ndarray
    distances: list[float]
    between_halves: list[float]


class RecordedStatistics:
    """Compare images with the moving statistics of a teacher's batch normalizations.

    The distance in a layer is the Kullback-Leibler divergence, in nats, of a normal distribution
    with the images' mean and variance from one with the recorded mean and variance, averaged over
    the channels. It is 0 for images that are distributed like the teacher's data, up to the number
    of images.

    Args:
        signals: The teacher's signals.

    Attributes:
        signals: The signals from a graph to which all readable batch normalizations belong, with
            their inputs as activations.
        count: Number of the teacher's batch normalizations that can be read.

    Example:

    >>> RecordedStatistics(TeacherSignals(teacher)).count
    1

    Reference:
        Yin et al., "Dreaming to Distill", arXiv 1912.08795, uses the same statistics to synthesize.
    """

    def __init__(self, signals: TeacherSignals) -> None:
        self.signals, self._recorded = recorded_statistics(signals)
        self.count = len(self._recorded)
        self._observe = tf.function(self._moments, autograph=False)

    def distances(self, activations: tuple[tf.Tensor, ...]) -> list[tf.Tensor]:
        """Return the distance in each layer, with gradients.

        Args:
            activations: The inputs of all batch normalizations for one batch, as
                `signals.observe` returns them.
        """
        return [
            _distance(*_moments_of(inputs), *recorded)
            for inputs, recorded in zip(activations, self._recorded, strict=True)
        ]

    def answers(self, images: np.ndarray, batch_size: int) -> Answers:
        """Return the teacher's logits, and the distance in each layer of all images together.

        Args:
            images: `(n, height, width, channels)` in the teacher's input range, n at least 1.
            batch_size: Images that the teacher sees at once.
        """
        middle = len(images) // 2
        logits, sums = [], []
        for half in (images[:middle], images[middle:]):
            found, moments = self._sums(half, batch_size)
            logits += found
            sums.append(moments)
        first, second = ([(mean, square - mean**2) for mean, square in half] for half in sums)
        share = middle / len(images)
        mixed = [
            [share * a + (1 - share) * b for a, b in zip(*layer, strict=True)]
            for layer in zip(*sums, strict=True)
        ]
        together = [(mean, square - mean**2) for mean, square in mixed]
        return Answers(
            np.concatenate(logits),
            _distances(together, self._recorded),
            _distances(second, first) if middle else [],
        )

    def _sums(
        self, images: np.ndarray, batch_size: int
    ) -> tuple[list[np.ndarray], list[tuple[Any, Any]]]:
        """Return logits by batch, and the mean and the mean square in each layer."""
        logits, sums = [], [(0.0, 0.0)] * self.count
        for start in range(0, len(images), batch_size):
            batch = tf.constant(images[start : start + batch_size])
            found, moments = self._observe(batch)
            logits.append(found.numpy())
            share = len(batch) / len(images)
            sums = [
                (sum_1 + share * mean, sum_2 + share * (variance + mean**2))
                for (sum_1, sum_2), (mean, variance) in zip(sums, moments, strict=True)
            ]
        return logits, sums

    def _moments(self, images: tf.Tensor) -> tuple[tf.Tensor, list[tuple[tf.Tensor, tf.Tensor]]]:
        found = self.signals.observe(images)
        return found.logits, [_moments_of(inputs) for inputs in found.activations]


def _moments_of(inputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return mean and variance of each channel of these images alone, on any device."""
    mean, variance = tf.nn.moments(tf.cast(inputs, tf.float32), list(range(len(inputs.shape) - 1)))
    return mean, variance


def _distances(found: Sequence[Any], wanted: Sequence[Any]) -> list[float]:
    """Return the distance in each layer, of pairs of mean and variance from others."""
    return [float(_distance(*own, *other)) for own, other in zip(found, wanted, strict=True)]


def _distance(
    mean: tf.Tensor, variance: tf.Tensor, moving_mean: tf.Tensor, moving_variance: tf.Tensor
) -> tf.Tensor:
    found = tf.nn.relu(variance) + SMALLEST_VARIANCE
    wanted = moving_variance + SMALLEST_VARIANCE
    ratio = found / wanted
    return 0.5 * tf.reduce_mean(
        ratio - 1.0 - tf.math.log(ratio) + (mean - moving_mean) ** 2 / wanted
    )
