"""Variables that have the same value on all replicas."""

from __future__ import annotations

import tensorflow as tf


def shared_variable(value: tf.Tensor) -> tf.Variable:
    """Create a variable to which every replica assigns the same value.

    Args:
        value: The initial value.

    Returns:
        A variable that is not trained. Its value on the first replica is read as the value of
        all replicas.
    """
    first = tf.VariableAggregation.ONLY_FIRST_REPLICA
    return tf.Variable(value, trainable=False, aggregation=first)
