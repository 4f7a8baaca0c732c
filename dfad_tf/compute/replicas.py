"""Communication between the replicas of a `tf.distribute` strategy, for one global batch.

Sample k of replica r is sample k·replicas + r of the global batch, so the first samples of the
replicas' batches are the first samples of the global batch. With one replica, these functions
return their arguments.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from dfad_tf.compute import strategies
from dfad_tf.utils.errors import InputError


def count() -> int:
    """Return the number of replicas, whose gradients the optimizers sum."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def own(values: tf.Tensor) -> tf.Tensor:
    """Return this replica's share of a global batch that every replica holds.

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


def gathered(values: tf.Tensor) -> tf.Tensor:
    """Return the global batch in its order on every replica.

    Args:
        values: `(batch, …)`, of the same shape on all replicas.

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


def neighbors(values: tf.Tensor) -> tf.Tensor:
    """Return for each sample the preceding sample of the global batch.

    Args:
        values: `(batch, …)`, of the same shape on all replicas.

    Returns:
        `(batch, …)`.
    """
    return own(tf.roll(gathered(values), 1, 0))


def weighted_places(weights: tf.Tensor, count_here: int, key: tf.Tensor) -> tf.Tensor:
    """Draw places with replacement, for each replica its own share of one global draw.

    Args:
        weights: Probability of each place up to a common factor, `(places,)`, float32.
        count_here: Number of places to draw for each replica.
        key: From `randomness.stateless_seed`.

    Returns:
        int32 `(count_here,)`.
    """
    ends = tf.cumsum(weights)
    uniform = own(tf.random.stateless_uniform((count_here * count(),), key))
    # Below the last end, also after rounding: no place without weight behind it is drawn.
    drawn = tf.minimum(uniform, 1 - 1e-6) * ends[-1]
    return tf.searchsorted(ends, drawn, side="right")


def mean(value: tf.Tensor) -> tf.Tensor:
    """Return the mean over replicas with batches of equal size. Gradients flow to all replicas."""
    replicas = count()
    if replicas == 1:
        return value
    return _context().all_reduce(tf.distribute.ReduceOp.SUM, value) / replicas


def total(values: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    """Return the sums over replicas, on every replica.

    Args:
        values: Tensors of the same shapes on all replicas.
    """
    if count() == 1:
        return list(values)
    return list(_context().all_reduce(tf.distribute.ReduceOp.SUM, list(values)))


def on_first(values: Sequence[tf.Tensor | None]) -> list[tf.Tensor | None]:
    """Return the sums over replicas on the first replica, and zeros on the others.

    Where a sum is infinite or NaN, the other replicas have NaN instead of zero.

    Args:
        values: Tensors. None stays None.
    """
    context, given = _context(), [value for value in values if value is not None]
    sums = iter(context.all_reduce(tf.distribute.ReduceOp.SUM, given))
    first = tf.equal(context.replica_id_in_sync_group, 0)
    return [None if v is None else next(sums) * tf.cast(first, v.dtype) for v in values]


def moments(values: tf.Tensor, axes: Sequence[int]) -> tuple[tf.Tensor, tf.Tensor]:
    """Return mean and variance over the global batch.

    Args:
        values: `(batch, …)`, float32.
        axes: Axes to average over, including that of the batch.

    Example:

    >>> mean, variance = moments(images, (0, 1, 2))
    >>> mean.shape
    TensorShape([1])
    """
    if count() == 1:
        return keras.ops.moments(values, axes)
    # In two passes: the mean of the squares minus the square of the mean loses digits.
    middle = mean(tf.reduce_mean(values, axes, keepdims=True))
    variance = mean(tf.reduce_mean(tf.square(values - middle), axes))
    return tf.squeeze(middle, axes), variance


def from_first(
    strategy: tf.distribute.Strategy, variables: Sequence[keras.Variable | tf.Variable]
) -> None:
    """Copy the values of variables from the first replica to all replicas.

    Each worker loads files and computes by itself, so its values may differ in the last digit.

    Args:
        strategy: The strategy. All workers call this function, outside of the replicas.
        variables: Variables of a floating-point type.
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
    """Return the logs of a train or test step in the form that `fit` can average.

    With several workers, Keras averages along the first axis, which a scalar does not have.

    Args:
        results: A scalar for each name.
    """
    if not strategies.has_several_workers(tf.distribute.get_strategy()):
        return results
    return {name: tf.reshape(value, (1,)) for name, value in results.items()}


def check_shares(batch_size: int, parts: dict[str, int], replicas: int | None = None) -> None:
    """Check that replicas can share a batch and its parts evenly.

    Args:
        batch_size: Number of images in the global batch.
        parts: Number of images in each part of the batch, by a description of the part that
            names its argument.
        replicas: Number of replicas. None stands for that of the strategy in scope.

    Raises:
        InputError: If the number of replicas does not divide one of these numbers.

    Example:

    >>> check_shares(256, {}, replicas=2)
    """
    replicas = count() if replicas is None else replicas
    for name, images in {"`batch_size`": batch_size, **parts}.items():
        if images % replicas:
            raise InputError(
                f"Expected {name} to be a multiple of {replicas}, an equal share for each of "
                f"{replicas} replicas. Received: {images}" + (" images" if name in parts else "")
            )


def _context() -> tf.distribute.ReplicaContext:
    context = tf.distribute.get_replica_context()
    if context is None:
        raise RuntimeError(
            "Expected a call on a replica, in strategy.run. Received: a call outside."
        )
    return context
