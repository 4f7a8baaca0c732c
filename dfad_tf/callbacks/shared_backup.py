"""A backup that all workers write in the same step."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from dfad_tf.callbacks.backup import Backup
from dfad_tf.compute import strategies


class SharedBackup(Backup):
    """A `Backup` for training on several workers; with one worker it is a plain `Backup`.

    Metrics are summed over the workers when they are read, so that all workers must read them in
    the same step. The clock of the first worker decides when a backup is due by time, and a
    signal to one worker stops all. Every worker writes to its own folder.

    Example:

    >>> backup = callbacks.SharedBackup("runs/mine/backup")
    >>> history = distiller.fit(
    ...     batch_size=8, epochs=2, steps_per_epoch=2, verbose=0, callbacks=[backup]
    ... )
    """

    _agreed: tuple[bool, bool] | None = None
    _sum: Callable[[tf.Tensor], tf.Tensor] | None = None

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        super().on_train_begin(logs)
        self._agreed = self._sum = None
        strategy = self.model.distribute_strategy
        if strategies.has_several_workers(strategy):

            @tf.function(autograph=False, input_signature=[tf.TensorSpec((2,))])
            def summed(values: tf.Tensor) -> tf.Tensor:
                def on_replica(mine: tf.Tensor) -> tf.Tensor:
                    context = tf.distribute.get_replica_context()
                    first = tf.cast(tf.equal(context.replica_id_in_sync_group, 0), tf.float32)
                    mine *= tf.stack([1.0, first])
                    return context.all_reduce(tf.distribute.ReduceOp.SUM, mine)

                return strategy.run(on_replica, (values,))

            self._sum = summed

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self._agree()
        super().on_train_batch_end(batch, logs)

    def on_test_begin(self, logs: dict[str, float] | None = None) -> None:
        self._agree()
        super().on_test_begin(logs)

    def _stopped(self) -> bool:
        return self._agreed[0] if self._agreed else super()._stopped()

    def _is_due(self) -> bool:
        return self._agreed[1] if self._agreed else super()._is_due()

    def _agree(self) -> None:
        """Find out whether any worker received a signal, and whether the first is due."""
        if self._sum is None:
            return
        mine = [float(super()._stopped()), float(super()._is_due())]
        sums = self._sum(tf.constant(mine))
        local = self.model.distribute_strategy.experimental_local_results(sums)[0]
        self._agreed = bool(local[0] > 0), bool(local[1] > 0)
