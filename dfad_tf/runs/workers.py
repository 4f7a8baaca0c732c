"""What the processes of a training on several workers do together."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import keras
import tensorflow as tf

from dfad_tf.compute import replicas, strategies


def share_weights(strategy: tf.distribute.Strategy, networks: Sequence[keras.Model]) -> None:
    """Give all workers the weights that the chief's networks have.

    Args:
        strategy: The strategy; with one worker nothing is done.
        networks: The networks, of one architecture on all workers.
    """
    if not strategies.has_several_workers(strategy):
        return
    variables = [variable for network in networks for variable in network.variables]
    real = [variable for variable in variables if "float" in variable.dtype]
    replicas.from_first(strategy, real)


@contextlib.contextmanager
def chief_first(strategy: tf.distribute.Strategy) -> Iterator[None]:
    """Run a block on the chief while the other workers wait, and then on them."""
    chief = strategies.is_chief(strategy)
    if not chief:
        wait_for_all(strategy)
    try:
        yield
    finally:
        if chief:
            wait_for_all(strategy)


def wait_for_all(strategy: tf.distribute.Strategy) -> None:
    """Return when all workers have called this function."""
    if strategies.has_several_workers(strategy):

        @tf.function(autograph=False)
        def meet() -> None:
            strategy.run(
                lambda: tf.distribute.get_replica_context().all_reduce(
                    tf.distribute.ReduceOp.SUM, tf.constant(1.0)
                )
            )

        meet()
