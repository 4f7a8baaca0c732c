"""The metrics that a distiller logs during training and evaluation."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

from dfad_tf.compute import replicas
from dfad_tf.methods.method import Method


class TrainingMetrics:
    """Means since the beginning of the epoch.

    This object is not tracked by Keras: a built model must not get new state, and the metrics
    depend on the method, which is set in `compile`.

    Args:
        method: The method, whose terms are logged by their names.
    """

    def __init__(self, method: Method) -> None:
        mean = keras.metrics.Mean
        names = ["generator_loss", *(term.name for term in method.generator_objectives)]
        self.generator = [mean(name=name) for name in names]
        self.class_entropy = mean(name="class_entropy")
        self.image_spread = mean(name="image_spread")
        self.agreement = mean(name="agreement")

    def all(self) -> list[keras.metrics.Metric]:
        """Return all metrics, for Keras to reset."""
        return [*self.of_images(), self.agreement]

    def of_images(self) -> list[keras.metrics.Metric]:
        """Return the metrics of generated images, which a train step logs."""
        return [*self.generator, self.class_entropy, self.image_spread]

    def update_generator(
        self, loss: tf.Tensor, terms: Sequence[tf.Tensor], images: tf.Tensor
    ) -> None:
        """Add a step of the generator.

        Args:
            loss: The generator's loss, a scalar.
            terms: The unweighted terms of the loss, scalars.
            images: `(batch, height, width, channels)`.
        """
        for tracker, value in zip(self.generator, [loss, *terms], strict=True):
            tracker.update_state(value)
        self.image_spread.update_state(image_spread(images))


def class_entropy(logits: tf.Tensor) -> tf.Tensor:
    """Return how evenly a batch covers the teacher's classes.

    Args:
        logits: The teacher's logits on one replica, `(batch, classes)`.

    Returns:
        The entropy of the global batch's mean prediction, as a share of the maximum: 1 if the
        teacher predicts all classes equally often, 0 if it predicts only one.
    """
    mean = replicas.mean(tf.reduce_mean(tf.nn.softmax(logits), 0))
    entropy = -tf.reduce_sum(mean * tf.math.log(mean + keras.config.epsilon()))
    return entropy / tf.math.log(tf.cast(mean.shape[0], tf.float32))


def image_spread(images: tf.Tensor) -> tf.Tensor:
    """Return how much the images of a batch differ: 0 if all are the same.

    Args:
        images: Images on one replica, `(batch, height, width, channels)`.

    Returns:
        The standard deviation of a pixel over the global batch, averaged over pixels, in the
        images' units.
    """
    _, variance = replicas.moments(tf.cast(images, tf.float32), (0,))
    return tf.reduce_mean(tf.sqrt(variance))
