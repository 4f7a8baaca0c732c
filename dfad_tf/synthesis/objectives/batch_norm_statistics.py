"""The distance to the batch-norm statistics that the teacher has kept of its data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from dfad_tf.compute import replicas
from dfad_tf.compute.shared_variables import shared_variable
from dfad_tf.synthesis.objectives.generator_objective import ForwardPass, GeneratorObjective


@keras.saving.register_keras_serializable("dfad_tf")
class BatchNormStatistics(GeneratorObjective):
    """The distance of a generated batch's statistics from those of the teacher's layers.

    It is summed over the teacher's batch normalizations: the L2 distance between the means of
    their inputs and the moving means, plus the same distance of the variances. It is 0 for a
    teacher without batch normalization.

    Args:
        weight: Weight in the generator's objective.
        name: Key in the logs.
        momentum: Share of the earlier batches in the statistics that are compared, in [0, 1).
            0 compares those of each batch alone. Otherwise a running average over the calls is
            compared, which only the current batch has a gradient through: no batch needs to
            match alone, so batches may differ. The gradient is smaller by the factor
            1 − `momentum`, and the published weights are larger accordingly.

    Raises:
        ValueError: If `momentum` is out of range.

    Reference:
        Yin et al., "Dreaming to Distill", arXiv 1912.08795, Eq. 4, as the public
        implementations of DFQ (Choi et al., arXiv 2005.04136) compute it. The running average
        is that of FastDFKD (Fang et al., arXiv 2112.06253).
    """

    needs_batch_norm = True

    def __init__(
        self,
        weight: float = 1.0,
        name: str = "batch_norm_statistics",
        momentum: float = 0.0,
    ) -> None:
        if not 0 <= momentum < 1:
            raise ValueError(f"Expected `momentum` to be in [0, 1). Received: momentum={momentum}")
        super().__init__(weight, name)
        self.momentum = momentum
        self._running: list[tuple[tf.Variable, tf.Variable]] = []
        self._started: tf.Variable | None = None

    def build(self, batch_norm: Sequence[tuple[keras.Variable, keras.Variable]]) -> None:
        self._running, self._started = [], None
        if self.momentum and batch_norm:
            # Float, because replicas copy only variables of a floating-point type.
            self._started = shared_variable(tf.constant(0.0))
            self._running = [
                (shared_variable(tf.zeros(mean.shape)), shared_variable(tf.zeros(variance.shape)))
                for mean, variance in batch_norm
            ]

    @property
    def variables(self) -> list[tf.Variable]:
        started = [] if self._started is None else [self._started]
        return [variable for pair in self._running for variable in pair] + started

    def call(self, forward: ForwardPass) -> tf.Tensor:
        total = keras.ops.zeros(())
        for layer, (inputs, *moving) in enumerate(forward.batch_norm):
            axes = tuple(range(len(inputs.shape) - 1))
            found = list(replicas.moments(keras.ops.cast(inputs, "float32"), axes))
            if self._started is not None:
                found = self._averaged(layer, self._started, found)
            for value, wanted in zip(found, moving, strict=True):
                difference = value - keras.ops.cast(wanted, "float32")
                total += keras.ops.sqrt(keras.ops.sum(keras.ops.square(difference)) + 1e-12)
        if self._started is not None:
            self._started.assign(1.0)
        return total

    def _averaged(
        self, layer: int, started: tf.Variable, found: Sequence[tf.Tensor]
    ) -> list[tf.Tensor]:
        """Return the running statistics of a layer with those of the current batch added."""
        averages = []
        for variable, value in zip(self._running[layer], found, strict=True):
            # The first batch is its own average.
            earlier = tf.where(started > 0, variable, tf.stop_gradient(value))
            average = self.momentum * earlier + (1 - self.momentum) * value
            variable.assign(tf.stop_gradient(average))
            averages.append(average)
        return averages

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "momentum": self.momentum}
