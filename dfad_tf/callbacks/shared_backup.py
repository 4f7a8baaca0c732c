"""A backup that all workers of a training take in the same step."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from dfad_tf.callbacks.backup import Backup
from dfad_tf.compute import strategies


class SharedBackup(Backup):
    """A `Backup` for a training of several workers; with one it is the same.

    Metrics are summed over workers when they are read, so that all have to read them at once.
    When a backup is due by time, the first worker's clock decides; a signal that reaches one
    worker stops all. Every worker writes into a folder of its own.

    Example:

    >>> distiller.fit(epochs=200, callbacks=[SharedBackup("runs/mine/backup")])
    """

    _agreed: tuple[bool, bool] | None = None
    _sum: Any = None

    def on_train_begin(self, logs: Any = None) -> None:
        super().on_train_begin(logs)
        self._agreed = self._sum = None
        strategy = self.model.distribute_strategy
        if strategies.has_several_workers(strategy):

            @tf.function(autograph=False, input_signature=[tf.TensorSpec((2,))])
            def summed(values: Any) -> Any:
                def on_replica(mine: Any) -> Any:
                    context = tf.distribute.get_replica_context()
                    first = tf.cast(tf.equal(context.replica_id_in_sync_group, 0), tf.float32)
                    mine *= tf.stack([1.0, first])
                    return context.all_reduce(tf.distribute.ReduceOp.SUM, mine)

                return strategy.run(on_replica, (values,))

            self._sum = summed

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._agree()
        super().on_train_batch_end(batch, logs)

    def on_test_begin(self, logs: Any = None) -> None:
        self._agree()
        super().on_test_begin(logs)

    def _stopped(self) -> bool:
        return self._agreed[0] if self._agreed else super()._stopped()

    def _is_due(self) -> bool:
        return self._agreed[1] if self._agreed else super()._is_due()

    def _agree(self) -> None:
        """Ask all workers whether a signal came, and the first whether a backup is due."""
        if self._sum is None:
            return
        mine = [float(super()._stopped()), float(super()._is_due())]
        sums = self._sum(tf.constant(mine))
        local = self.model.distribute_strategy.experimental_local_results(sums)[0]
        self._agreed = bool(local[0] > 0), bool(local[1] > 0)
