"""What replicas of a `tf.distribute` strategy share, so that they compute one global batch.

Sample k of replica r is sample k·replicas + r of the global batch: the first part of every
replica's batch is the first part of the global one. With one replica, nothing is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from dfad_tf.compute import strategies
from dfad_tf.utils.errors import InputError


def count() -> int:
    """Return how many replicas there are, whose gradients the optimizers add up."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def own(values: Any) -> Any:
    """Return this replica's share of what every replica has drawn for the global batch.

    Args:
        values: `(global batch, …)`, the same on all replicas.

    Returns:
        `(batch, …)`.
    """
    replicas = count()
    if replicas == 1:
        return values
    shape = values.shape
    dealt = tf.reshape(values, (shape[0] // replicas, replicas, *shape[1:]))
    return tf.gather(dealt, _context().replica_id_in_sync_group, axis=1)


def gathered(values: Any) -> Any:
    """Return the global batch, in its order, on every replica.

    Args:
        values: `(batch, …)`, of one shape on all replicas.

    Returns:
        `(global batch, …)`.
    """
    replicas = count()
    if replicas == 1:
        return values
    shape = values.shape
    one_by_one = _context().all_gather(values, axis=0)
    dealt = tf.reshape(one_by_one, (replicas, *shape))
    dealt = tf.transpose(dealt, (1, 0, *range(2, len(shape) + 1)))
    return tf.reshape(dealt, (replicas * shape[0], *shape[1:]))


def mean(value: Any) -> Any:
    """Return the mean over replicas of equal batches; gradients flow to all of them."""
    replicas = count()
    if replicas == 1:
        return value
    return _context().all_reduce(tf.distribute.ReduceOp.SUM, value) / replicas


def on_first(values: Sequence[Any]) -> list[Any]:
    """Return the sums over replicas on the first of them, and zeros on the others.

    What is infinite, or no number, in the sum becomes no number on the others.

    Args:
        values: Tensors; None stays None.
    """
    context, given = _context(), [value for value in values if value is not None]
    sums = iter(context.all_reduce(tf.distribute.ReduceOp.SUM, given))
    first = tf.equal(context.replica_id_in_sync_group, 0)
    return [None if v is None else next(sums) * tf.cast(first, v.dtype) for v in values]


def moments(values: Any, axes: Sequence[int]) -> tuple[Any, Any]:
    """Return mean and variance over the global batch.

    Args:
        values: `(batch, …)`, float32.
        axes: What to average over, the batch among it.
    """
    if count() == 1:
        return keras.ops.moments(values, axes)
    # In two passes: the squares' mean less the mean's square loses digits.
    middle = mean(tf.reduce_mean(values, axes, keepdims=True))
    variance = mean(tf.reduce_mean(tf.square(values - middle), axes))
    return tf.squeeze(middle, axes), variance


def from_first(strategy: tf.distribute.Strategy, variables: Sequence[Any]) -> None:
    """Give every replica the values that variables have on the first.

    Workers load files, and compute, each for itself: what they hold may differ in a digit.

    Args:
        strategy: Called from outside of its replicas, by all workers.
        variables: Keras or TensorFlow variables of floating point.
    """

    @tf.function(autograph=False)
    def first() -> Any:
        def on_replica() -> Any:
            values = [tf.convert_to_tensor(variable) for variable in variables]
            mine = tf.equal(_context().replica_id_in_sync_group, 0)
            return [
                _context().all_reduce(
                    tf.distribute.ReduceOp.SUM, tf.where(mine, value, tf.zeros_like(value))
                )
                for value in values
            ]

        return strategy.run(on_replica)

    for variable, value in zip(variables, first(), strict=True):
        variable.assign(strategy.experimental_local_results(value)[0])


def to_log(results: dict[str, Any]) -> dict[str, Any]:
    """Return what a train or test step logs, in the form in which `fit` can take means of it.

    Over several workers Keras averages along the first axis, which a scalar has not.
    """
    if not strategies.has_several_workers(tf.distribute.get_strategy()):
        return results
    return {name: tf.reshape(value, (1,)) for name, value in results.items()}


def check_shares(batch_size: int, parts: dict[str, int], replicas: int | None = None) -> None:
    """Check that replicas can share a batch, and the parts of it, evenly.

    Args:
        batch_size: Images of the global batch.
        parts: How many of them each part has, by what sets it.
        replicas: How many there are; None are those of the strategy in scope.

    Raises:
        InputError: If one of the numbers does not divide.
    """
    replicas = count() if replicas is None else replicas
    for name, images in {"batch_size (--batch_size)": batch_size, **parts}.items():
        if images % replicas:
            raise InputError(
                f"Expected {name} in {replicas}s, one share for each of {replicas} replicas. "
                f"Received: {images}" + (" images" if name in parts else "")
            )


def _context() -> Any:
    context = tf.distribute.get_replica_context()
    if context is None:
        raise RuntimeError("Expected to run on a replica, in `strategy.run`. Received none.")
    return context
