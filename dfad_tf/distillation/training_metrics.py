"""What a distiller logs while it trains and measures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from dfad_tf.compute import replicas
from dfad_tf.methods.method import Method


class TrainingMetrics:
    """Means since an epoch began.

    A plain object, not tracked by Keras: a built model takes no new state, and
    the metrics depend on the method, which is known only at `compile`.

    Args:
        method: The composition whose terms are logged, each under its name.
    """

    def __init__(self, method: Method) -> None:
        mean = keras.metrics.Mean
        names = ["generator_loss", *(term.name for term in method.generator_objectives)]
        self.generator = [mean(name=name) for name in names]
        self.class_entropy = mean(name="class_entropy")
        self.image_spread = mean(name="image_spread")
        self.agreement = mean(name="agreement")

    def all(self) -> list[Any]:
        """All metrics, for Keras to reset."""
        return [*self.of_images(), self.agreement]

    def of_images(self) -> list[Any]:
        """Those that a train step logs of the generated images."""
        return [*self.generator, self.class_entropy, self.image_spread]

    def update_generator(self, loss: Any, terms: Sequence[Any], images: Any) -> None:
        """Take in a generator's step: its loss, the terms of it, and its images."""
        for tracker, value in zip(self.generator, [loss, *terms], strict=True):
            tracker.update_state(value)
        self.image_spread.update_state(image_spread(images))


def class_entropy(logits: Any) -> Any:
    """Return how evenly a batch covers the teacher's classes.

    Args:
        logits: `(batch, classes)`, of one replica.

    Returns:
        The entropy of the global batch's mean prediction as a share of the highest
        possible: 1 where all classes are seen alike, 0 where only one is.
    """
    mean = replicas.mean(tf.reduce_mean(tf.nn.softmax(logits), 0))
    entropy = -tf.reduce_sum(mean * tf.math.log(mean + keras.config.epsilon()))
    return entropy / tf.math.log(tf.cast(mean.shape[0], tf.float32))


def image_spread(images: Any) -> Any:
    """Return how much the images of a batch differ: 0 where all are the same.

    Args:
        images: `(batch, height, width, channels)`, of one replica.

    Returns:
        The deviation of a pixel over the global batch, averaged over pixels; in the images' units.
    """
    _, variance = replicas.moments(tf.cast(images, tf.float32), (0,))
    return tf.reduce_mean(tf.sqrt(variance))
