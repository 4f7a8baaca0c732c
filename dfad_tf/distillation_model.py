"""What a distillation with data and one without have in common, as Keras models."""

from __future__ import annotations

from typing import Any

import keras


class DistillationModel(keras.Model):
    """Train a student: a model whose optimizers are built, and whose `fit` can go back.

    A subclass sets `student`, and names its metrics and what its training moves.

    Attributes:
        student: The network that `optimizer` trains.
        compile_arguments: What `compile` took, so that a saved model can be compiled again.
        going_back: Set by a callback that has put an earlier moment into the backup: `fit`
            then ends, and begins again from there.
    """

    student: keras.Model
    compile_arguments: dict[str, Any] = {}
    going_back = False

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Return the student's logits."""
        return self.student(inputs, training=training)

    def fit(self, *inputs: Any, **arguments: Any) -> keras.callbacks.History:
        """Train as Keras does; go back and on again where a callback asks for it."""
        while True:
            self.going_back = False
            # Keras keeps the epoch of a backup for the next call as well.
            self._initial_epoch = None
            history = super().fit(*inputs, **arguments)
            if not self.going_back:
                return history

    def _symbolic_build(self, iterator: Any = None, data_batch: Any = None) -> None:
        """Build nothing: all is built."""

    _maybe_symbolic_build = _symbolic_build  # Keras's own fails on several workers

    def trackers(self) -> list[Any]:
        """Metrics that a train step logs."""
        raise NotImplementedError

    def state_parts(self) -> dict[str, list[Any]]:
        """Variables that training moves, by part, as `training_state` reads them."""
        raise NotImplementedError

    def get_metrics_result(self) -> dict[str, Any]:
        """Return what a train step logs; the compiled metrics belong to `test_step`."""
        return {tracker.name: tracker.result() for tracker in self.trackers()}

    def get_compile_config(self) -> dict[str, Any]:
        return keras.saving.serialize_keras_object(self.compile_arguments) if self.compiled else {}

    def compile_from_config(self, config: dict[str, Any]) -> None:
        self.compile(**keras.saving.deserialize_keras_object(config))
