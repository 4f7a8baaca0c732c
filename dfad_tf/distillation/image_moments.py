"""What single images do at a teacher's batch normalizations, beside what was recorded there."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from dfad_tf.distillation.watched_layers import batch_normalizations, without_nested_networks
from dfad_tf.teachers.teacher_signals import TeacherSignals

SMALLEST_VARIANCE = 1e-3  # Keras's default `epsilon` of a batch normalization
_MOST_STATISTICS = 1024  # a teacher with thousands of channels is seen through random sums of them
_SEED = 0x303E


class ImageMoments:
    """Answer images, and compare their moments with those that a teacher recorded of its data.

    Mean and mean square of each channel over the pixels of one image are taken in units of the
    recorded standard deviation, and relative to what was recorded: averaged over images that are
    distributed like the teacher's data, all of them are 0.

    Args:
        signals: The teacher's signals.

    Attributes:
        channels: Number of channels of all batch normalizations that can be read.
        count: Number of statistics of an image; 0 without batch normalizations that can be read.

    Example:

    >>> logits, moments = ImageMoments(TeacherSignals(teacher)).of(images)
    >>> len(moments) == len(images)
    True
    """

    def __init__(self, signals: TeacherSignals) -> None:
        self._signals, self._recorded = recorded_statistics(signals)
        self.channels = sum(int(mean.shape[0]) for mean, _ in self._recorded)
        self.count = min(2 * self.channels, _MOST_STATISTICS)
        self._sums: tf.Tensor | None = None
        if 2 * self.channels > _MOST_STATISTICS:
            random = np.random.default_rng(_SEED)
            signs = random.choice([-1.0, 1.0], (2 * self.channels, _MOST_STATISTICS))
            self._sums = tf.constant(signs / np.sqrt(_MOST_STATISTICS), tf.float32)
        self._compiled = tf.function(self._moments, autograph=False, reduce_retracing=True)

    def of(self, images: np.ndarray | tf.Tensor) -> tuple[np.ndarray, np.ndarray]:
        """Return the teacher's logits, and the statistics of each image.

        Args:
            images: `(n, height, width, channels)` in the teacher's input range, n at least 1.

        Returns:
            Float32 `(n, classes)` and `(n, count)`.
        """
        logits, moments = self._compiled(tf.constant(images))
        return logits.numpy(), moments.numpy()

    def _moments(self, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        answers = self._signals.observe(images)
        found = [tf.zeros((tf.shape(images)[0], 0))]
        for inputs, (mean, variance) in zip(answers.activations, self._recorded, strict=True):
            wanted = variance + SMALLEST_VARIANCE
            offsets = (tf.cast(inputs, tf.float32) - mean) * tf.math.rsqrt(wanted)
            pixels = list(range(1, len(inputs.shape) - 1))
            found += [
                tf.reduce_mean(offsets, pixels),
                tf.reduce_mean(offsets**2, pixels) - variance / wanted,
            ]
        moments = tf.concat(found, 1)
        return answers.logits, moments if self._sums is None else moments @ self._sums


def recorded_statistics(
    signals: TeacherSignals,
) -> tuple[TeacherSignals, list[tuple[tf.Tensor, tf.Tensor]]]:
    """Return what a teacher's batch normalizations recorded, and signals that watch their inputs.

    Args:
        signals: The teacher's signals.

    Returns:
        The signals, whose activations are the inputs of all batch normalizations that can be read,
        and moving mean and moving variance of each, float32 `(channels,)`.
    """
    signals = without_nested_networks(signals)
    found = [
        (layer, inputs)
        for layer, inputs in batch_normalizations(signals.teacher)
        if layer.axis in (-1, len(inputs.shape) - 1)  # the channels are last everywhere else
    ]
    recorded = [
        tuple(
            tf.cast(keras.ops.convert_to_tensor(value), tf.float32)
            for value in (layer.moving_mean, layer.moving_variance)
        )
        for layer, _ in found
    ]
    return signals.watching([inputs for _, inputs in found]), recorded
