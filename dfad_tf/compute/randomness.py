"""Stateless random draws: a resumed run draws the same numbers as an uninterrupted one."""

from __future__ import annotations

import tensorflow as tf

STREAMS = {
    "student": 0,
    "generator": 1,
    "partner": 2,
    "interpolation": 3,
    "memory": 4,
    "validation": 5,
    "renewal": 6,
    "crop": 7,
}


def stateless_seed(
    seed: int, stream: str, step: int | tf.Tensor | tf.Variable, attempt: int = 0
) -> tf.Tensor:
    """Return the key of one draw: a function of seed, stream, step and attempt only.

    Each replica draws the whole global batch with the key and takes its share of it
    (`replicas.own`), so the noise of a run is the same on any number of devices.

    Args:
        seed: The run's seed, from 0 to 2³¹ − 1.
        stream: A name of `STREAMS`. Different streams never share a draw.
        step: Scalar integer, the `iterations` of an optimizer.
        attempt: How many times the run was rolled back. Each attempt draws different noise.

    Returns:
        An int32 tensor of shape `(2,)` for `tf.random.stateless_*`.

    Example:

    >>> stateless_seed(3, "partner", 11).numpy().tolist()
    [-69448831, 0]
    """
    key = tf.constant([seed, STREAMS[stream]], tf.int32)
    key = tf.random.experimental.stateless_fold_in(key, tf.cast(step, tf.int32))
    return tf.random.experimental.stateless_fold_in(key, tf.constant(attempt, tf.int32))


def stateless_latent(batch_size: int, latent_size: int, key: tf.Tensor) -> tf.Tensor:
    """Draw latent noise from the standard normal distribution.

    Args:
        batch_size: Number of latent vectors.
        latent_size: Length of a latent vector.
        key: A key from `stateless_seed`.

    Returns:
        A float32 tensor of shape `(batch_size, latent_size)`.

    Example:

    >>> stateless_latent(4, 100, stateless_seed(0, "student", 0)).shape
    TensorShape([4, 100])
    """
    return tf.random.stateless_normal((batch_size, latent_size), key)
