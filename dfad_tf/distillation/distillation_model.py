"""The base of the two distillers: a Keras model that trains a student from a teacher."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dfad_tf.compute import keras_internals
from dfad_tf.compute.optimizers import slow_down
from dfad_tf.distillation.compatibility import check_labelled
from dfad_tf.utils.errors import InputError

# Factor of a learning rate for each collapse that it was too large for.
_SLOWER = 0.1


class DistillationModel(keras.Model):
    """A model that trains a student, whose `fit` can roll back to an earlier epoch.

    `compile` builds the optimizers. A subclass sets `student` and implements `trackers`,
    `state_parts`, `own_metrics` and `networks_by_role`.

    Attributes:
        student: The network that `optimizer` trains.
        compile_arguments: The arguments of `compile`, which a saved model is compiled with again.
        rolling_back: Set by a callback that has written an earlier training state to the backup.
            `fit` then ends and starts again from that backup.
    """

    student: keras.Model
    compile_arguments: dict[str, Any] = {}
    rolling_back = False

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Return the student's logits."""
        return self.student(inputs, training=training)

    def fit(self, *inputs: Any, **arguments: Any) -> keras.callbacks.History:
        """Train as `keras.Model.fit` does, and start again whenever a callback rolls back."""
        while True:
            self.rolling_back = False
            # Keras would also use the epoch of a backup in the next call.
            keras_internals.set_initial_epoch(self, None)
            history = super().fit(*inputs, **arguments)
            if not self.rolling_back:
                return history

    def evaluate(
        self,
        x: np.ndarray | tf.Tensor | tf.data.Dataset | None = None,
        y: np.ndarray | tf.Tensor | None = None,
        *others: Any,
        **arguments: Any,
    ) -> float | list[float] | dict[str, float]:
        """Measure the student on labelled images.

        Args:
            x: Images `(n, height, width, channels)` in the teacher's input range, or a dataset
                of batches `(images, labels)`.
            y: Labels `(n,)`; None if `x` is a dataset.
            *others: As for `keras.Model.evaluate`.
            **arguments: As for `keras.Model.evaluate`, such as `return_dict`.

        Returns:
            The metrics, as `keras.Model.evaluate` returns them.

        Raises:
            InputError: If images or labels are missing, or the model is not compiled.
        """
        self._check_compiled("evaluate")
        purpose = "measure the student on: call evaluate(x, y) or evaluate(dataset)"
        check_labelled(
            x, y, purpose, needs_labels=keras_internals.compiled_metrics(self) is not None
        )
        return super().evaluate(x, y, *others, **arguments)

    def predict(
        self,
        x: np.ndarray | tf.Tensor | tf.data.Dataset | None = None,
        *others: Any,
        **arguments: Any,
    ) -> np.ndarray:
        """Return the student's logits `(n, classes)`.

        Args:
            x: Images `(n, height, width, channels)` in the teacher's input range, or a dataset
                of batches of them.
            *others: As for `keras.Model.predict`.
            **arguments: As for `keras.Model.predict`, such as `batch_size`.

        Raises:
            InputError: If there are no images.
        """
        if x is None:
            raise InputError(
                "Expected images for the student to classify: call predict(x). Received: x=None"
            )
        return super().predict(x, *others, **arguments)

    def summary(self, *others: Any, **arguments: Any) -> None:
        """Print a table of the networks, whose totals count all of them.

        `trainable_variables` are those of `optimizer` alone, so that Keras's own table would
        leave out the generator.

        Args:
            *others: As for `keras.Model.summary`.
            **arguments: As for `keras.Model.summary`, such as `expand_nested`.
        """
        _Networks(self.networks_by_role(), self.name).summary(*others, **arguments)

    def apply_restores(self, restores: Sequence[Sequence[str]], applied: int) -> None:
        """Change the noise and lower the learning rates that led to a collapse.

        Args:
            restores: For each rollback of the run, the networks whose learning rate was too
                large: `"student"`, `"generator"`, or both.
            applied: Number of rollbacks that the optimizers' variables already account for.
        """
        self.reseed(len(restores))
        for network, optimizer in self.optimizers_by_network().items():
            faults = [network in networks for networks in restores]
            slow_down(optimizer, _SLOWER ** sum(faults), _SLOWER ** sum(faults[applied:]))
        # Noise and learning rates are constants of the compiled function.
        self.make_train_function(force=True)

    def reseed(self, attempt: int) -> None:
        """Draw other noise than in earlier attempts; a model without noise does nothing.

        Args:
            attempt: Number of rollbacks so far.
        """

    def optimizers_by_network(self) -> dict[str, keras.optimizers.Optimizer]:
        """Return the optimizer of each network that is trained."""
        return {"student": self.optimizer}

    def _check_compiled(self, method: str) -> None:
        if not self.compiled:
            raise InputError(
                f"Expected a compiled distiller: call compile() before {method}(). "
                "Received: one that is not compiled"
            )

    def _symbolic_build(self, iterator: Any = None, data_batch: Any = None) -> None:
        """Do nothing, since networks and optimizers are already built."""

    _maybe_symbolic_build = _symbolic_build  # Keras's version fails with several workers.

    def networks_by_role(self) -> dict[str, keras.Model]:
        """Return all networks by their role, such as `"teacher"`, in the order of the summary."""
        raise NotImplementedError(f"{type(self).__name__} does not implement `networks_by_role`.")

    def trackers(self) -> list[keras.metrics.Metric]:
        """Return the metrics that a train step logs."""
        raise NotImplementedError(f"{type(self).__name__} does not implement `trackers`.")

    def state_parts(self) -> dict[str, list[keras.Variable | tf.Variable]]:
        """Return the variables that training changes, by part, as `training_state` needs them."""
        raise NotImplementedError(f"{type(self).__name__} does not implement `state_parts`.")

    @property
    def own_metrics(self) -> list[keras.metrics.Metric]:
        """The metrics that Keras does not track."""
        raise NotImplementedError(f"{type(self).__name__} does not implement `own_metrics`.")

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """All metrics, so that Keras resets them at the beginning of an epoch."""
        return [*super().metrics, *(self.own_metrics if self.compiled else [])]

    def get_metrics_result(self) -> dict[str, tf.Tensor]:
        """Return what a train step logs; only `test_step` uses the compiled metrics."""
        return {tracker.name: tracker.result() for tracker in self.trackers()}

    def get_compile_config(self) -> dict[str, Any]:
        return keras.saving.serialize_keras_object(self.compile_arguments) if self.compiled else {}

    def compile_from_config(self, config: dict[str, Any]) -> None:
        self.compile(**keras.saving.deserialize_keras_object(config))


class _Networks(keras.Model):
    """Networks side by side, only to print their summary.

    Args:
        networks: Networks by role.
        name: Name above the table.
    """

    def __init__(self, networks: dict[str, keras.Model], name: str) -> None:
        super().__init__(name=name)
        for role, network in networks.items():
            setattr(self, role, network)
        self.built = True  # All networks are.
