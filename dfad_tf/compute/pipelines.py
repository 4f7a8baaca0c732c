"""Pipelines of `tf.data` that are released without delay."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf


def without_autotune(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Return the data set without TensorFlow's autotuning.

    The tuner's thread doubles its sleep each time, up to a minute, and the release of a
    pipeline waits until the thread wakes: `fit` would return up to a minute late, and
    `predict` would take up to twice its time.

    Args:
        dataset: A pipeline that does not benefit from tuning, such as one over arrays.

    Example:

    >>> without_autotune(tf.data.Dataset.range(3)).options().autotune.enabled
    False
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


def in_batches(
    arrays: np.ndarray | tf.Tensor | Sequence[np.ndarray | tf.Tensor], batch_size: int
) -> tf.data.Dataset:
    """Return a data set of batches without autotuning.

    Args:
        arrays: One array, or a tuple of arrays of equal length.
        batch_size: Number of examples in a batch; the last batch may have fewer.

    Example:

    >>> len(in_batches((images, labels), 3))
    2
    """
    return without_autotune(tf.data.Dataset.from_tensor_slices(arrays).batch(batch_size))
