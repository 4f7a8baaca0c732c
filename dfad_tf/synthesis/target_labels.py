"""The classes that a batch is synthesized for, drawn evenly."""

from __future__ import annotations

import keras
import tensorflow as tf

from dfad_tf.synthesis.generators.class_condition import condition_classes


def even_labels(batch_size: int, num_classes: int, step: tf.Tensor | int) -> tf.Tensor:
    """Return labels that are as even as the size of the batch allows.

    The classes follow each other, and the next step continues where this one ends. Any
    `num_classes` batches together are therefore exactly even.

    Args:
        batch_size: Number of labels, over all replicas.
        num_classes: Number of classes.
        step: Scalar integer, such as an optimizer's `iterations`.

    Returns:
        int32 `(batch_size,)`.

    Example:

    >>> even_labels(4, 3, step=1).numpy().tolist()
    [1, 2, 0, 1]
    """
    first = tf.cast(tf.cast(step, tf.int64) * batch_size % num_classes, tf.int32)
    return (first + tf.range(batch_size)) % num_classes


def with_labels(latent: tf.Tensor, generator: keras.Model, labels: tf.Tensor) -> tf.Tensor:
    """Return latents with which a conditional generator synthesizes images of given classes.

    Args:
        latent: Latents of the generator, `(batch, latent)`.
        generator: The generator. Latents of one that is not conditioned on classes are returned
            unchanged.
        labels: int32 `(batch,)`.
    """
    classes = condition_classes(generator)
    if not classes:
        return latent
    return tf.concat([latent[:, :-classes], tf.one_hot(labels, classes, dtype=latent.dtype)], -1)
