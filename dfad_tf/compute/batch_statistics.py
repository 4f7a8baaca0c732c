"""Run a network with the statistics of the batch, without updating its moving statistics."""

from __future__ import annotations

import keras
import tensorflow as tf


def as_in_training(generator: keras.Model, latent: tf.Tensor) -> tf.Tensor:
    """Return images normalized by the statistics of their batch, and update no variable.

    Moving statistics lag behind a generator in the first steps and one that changes fast. With
    them, images that differ in training may all look alike.

    Args:
        generator: The generator.
        latent: `(batch, latent)`.

    Returns:
        Images `(batch, height, width, channels)`.

    Example:

    >>> as_in_training(generator, tf.zeros((4, 5))).shape
    TensorShape([4, 8, 8, 1])
    """
    trained, others = (
        [tf.convert_to_tensor(variable.value) for variable in variables]
        for variables in (generator.trainable_variables, generator.non_trainable_variables)
    )
    return generator.stateless_call(trained, others, latent, training=True)[0]
