"""Stateless random draws, keyed so that a resumed run draws what it would have drawn."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

STREAMS = {
    "student": 0,
    "generator": 1,
    "partner": 2,
    "interpolation": 3,
    "memory": 4,
    "validation": 5,
}


def stateless_seed(seed: int, stream: str, step: Any, attempt: int = 0) -> tf.Tensor:
    """Return the key of one draw: a function of seed, stream, step and attempt alone.

    Replicas draw the whole global batch by it, and take their shares (`replicas.own`): the
    noise of a run is the same on any number of devices.

    Args:
        seed: The run's seed, from 0 to 2³¹ − 1.
        stream: A name of `STREAMS`; different streams never share a draw.
        step: Scalar integer, an optimizer's `iterations`.
        attempt: How often the run has gone back; each time it meets other noise.

    Returns:
        An int32 tensor of shape `(2,)` for `tf.random.stateless_*`.
    """
    key = tf.constant([seed, STREAMS[stream]], tf.int32)
    key = tf.random.experimental.stateless_fold_in(key, tf.cast(step, tf.int32))
    return tf.random.experimental.stateless_fold_in(key, tf.constant(attempt, tf.int32))


def stateless_latent(batch_size: int, latent_size: int, key: tf.Tensor) -> tf.Tensor:
    """Draw latent noise from the standard normal distribution.

    Args:
        batch_size: Number of latent vectors.
        latent_size: Their length.
        key: From `stateless_seed`.

    Returns:
        A float32 tensor of shape `(batch_size, latent_size)`.
    """
    return tf.random.stateless_normal((batch_size, latent_size), key)
