"""What a distillation with data and one without have in common, as Keras models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from dfad_tf.compute.keras_internals import set_initial_epoch
from dfad_tf.compute.optimizers import slow_down

# Of a rate, each time that it proved too large.
_SLOWER = 0.1


class DistillationModel(keras.Model):
    """Train a student: a model whose optimizers are built, and whose `fit` can go back.

    A subclass sets `student`, and names its metrics and what its training moves.

    Attributes:
        student: The network that `optimizer` trains.
        compile_arguments: What `compile` took, so that a saved model can be compiled again.
        rolling_back: Set by a callback that has put an earlier moment into the backup: `fit`
            then ends, and begins again from there.
    """

    student: keras.Model
    compile_arguments: dict[str, Any] = {}
    rolling_back = False

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Return the student's logits."""
        return self.student(inputs, training=training)

    def fit(self, *inputs: Any, **arguments: Any) -> keras.callbacks.History:
        """Train as Keras does; go back and on again where a callback asks for it."""
        while True:
            self.rolling_back = False
            # Keras keeps the epoch of a backup for the next call as well.
            set_initial_epoch(self, None)
            history = super().fit(*inputs, **arguments)
            if not self.rolling_back:
                return history

    def change_course(self, restores: Sequence[Sequence[str]], known: int) -> None:
        """Go on with other noise and smaller rates than those that led to a collapse.

        Args:
            restores: For each time that the run has gone back, the networks at fault:
                `"student"`, `"generator"`, or both.
            known: How many of these the optimizers' own variables have in them already.
        """
        self.reseed(len(restores))
        for network, optimizer in self.optimizers_by_network().items():
            faults = [network in networks for networks in restores]
            slow_down(optimizer, _SLOWER ** sum(faults), _SLOWER ** sum(faults[known:]))
        self.make_train_function(force=True)  # which has noise and rates as constants

    def reseed(self, attempt: int) -> None:
        """Draw other noise than before; nothing where training draws none."""

    def optimizers_by_network(self) -> dict[str, Any]:
        """Return the optimizer of each network that is trained."""
        return {"student": self.optimizer}

    def _symbolic_build(self, iterator: Any = None, data_batch: Any = None) -> None:
        """Build nothing: all is built."""

    _maybe_symbolic_build = _symbolic_build  # Keras's own fails on several workers

    def trackers(self) -> list[Any]:
        """Metrics that a train step logs."""
        raise NotImplementedError(f"{type(self).__name__} does not name its `trackers`.")

    def state_parts(self) -> dict[str, list[Any]]:
        """Variables that training moves, by part, as `training_state` reads them."""
        raise NotImplementedError(f"{type(self).__name__} does not name its `state_parts`.")

    @property
    def own_metrics(self) -> list[Any]:
        """Metrics that Keras does not know of."""
        raise NotImplementedError(f"{type(self).__name__} does not name its `own_metrics`.")

    @property
    def metrics(self) -> list[Any]:
        """All metrics, so that Keras resets them when an epoch begins."""
        return [*super().metrics, *(self.own_metrics if self.compiled else [])]

    def get_metrics_result(self) -> dict[str, Any]:
        """Return what a train step logs; the compiled metrics belong to `test_step`."""
        return {tracker.name: tracker.result() for tracker in self.trackers()}

    def get_compile_config(self) -> dict[str, Any]:
        return keras.saving.serialize_keras_object(self.compile_arguments) if self.compiled else {}

    def compile_from_config(self, config: dict[str, Any]) -> None:
        self.compile(**keras.saving.deserialize_keras_object(config))
