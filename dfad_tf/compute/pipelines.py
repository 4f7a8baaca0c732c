"""Pipelines of `tf.data` that end when they are told to."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def without_autotune(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Return the data set without TensorFlow's tuner.

    The tuner's thread sleeps twice as long each time, up to a minute, and whoever lets a
    pipeline go waits until it wakes: `fit` would return up to a minute late, and
    `predict` after up to twice its time.

    Args:
        dataset: A pipeline that has no use for tuning, as one over arrays.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


def in_batches(arrays: Any, batch_size: int) -> tf.data.Dataset:
    """Return an array, or several of equal length, in batches and without the tuner."""
    return without_autotune(tf.data.Dataset.from_tensor_slices(arrays).batch(batch_size))
