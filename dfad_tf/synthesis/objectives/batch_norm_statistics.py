"""The distance to the batch-norm statistics that the teacher has kept of its data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from dfad_tf.compute.channel_moments import channel_moments
from dfad_tf.compute.shared_variables import shared_variable
from dfad_tf.synthesis.objectives.generator_objective import ForwardPass, GeneratorObjective

SCALES = ("absolute", "relative")
_SMALLEST_VARIANCE = 1e-3  # Keras's default `epsilon` of a batch normalization


@keras.saving.register_keras_serializable("dfad_tf")
class BatchNormStatistics(GeneratorObjective):
    """The distance of a generated batch's statistics from those of the teacher's layers.

    It is summed over the teacher's batch normalizations: the L2 distance between the means of
    their inputs and the moving means, plus the same distance of the variances. It is 0 for a
    teacher without batch normalization.

    With `scale="relative"`, means are divided by the moving standard deviations, variances by the
    moving variances, and the distances by the square root of the number of channels. The term
    then has the same scale for teachers of any width and with activations of any size.

    Args:
        weight: Weight in the generator's objective.
        name: Key in the logs.
        momentum: Share of the earlier batches in the statistics that are compared, in [0, 1).
            0 compares those of each batch alone. Otherwise a running average over the calls is
            compared, which only the current batch has a gradient through: no batch needs to
            match alone, so batches may differ. The gradient is smaller by the factor
            1 − `momentum`, and the published weights are larger accordingly.
        scale: `"absolute"`, as published, or `"relative"`.

    Raises:
        ValueError: If `momentum` is out of range, or `scale` is unknown.

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
        scale: str = "absolute",
    ) -> None:
        if scale not in SCALES:
            raise ValueError(f"Expected `scale` to be one of {SCALES}. Received: scale={scale!r}")
        if not 0 <= momentum < 1:
            raise ValueError(f"Expected `momentum` to be in [0, 1). Received: momentum={momentum}")
        super().__init__(weight, name)
        self.momentum, self.scale = momentum, scale
        self._running: list[tuple[tf.Variable, tf.Variable]] = []
        self._started: tf.Variable | None = None

    def build(
        self,
        batch_norm: Sequence[tuple[keras.Variable, keras.Variable]] = (),
        feature_count: int = 0,
    ) -> None:
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
            found = list(channel_moments(inputs))
            if self._started is not None:
                found = self._averaged(layer, self._started, found)
            wanted = [keras.ops.cast(value, "float32") for value in moving]
            units = self._units(wanted[1])
            for value, target, unit in zip(found, wanted, units, strict=True):
                squares = keras.ops.square((value - target) / unit)
                total += keras.ops.sqrt(keras.ops.sum(squares) + 1e-12)
        if self._started is not None:
            self._started.assign(1.0)
        return total

    def _units(self, variance: tf.Tensor) -> tuple[tf.Tensor | float, tf.Tensor | float]:
        """Return what the differences of means and of variances are divided by."""
        if self.scale == "absolute":
            return 1.0, 1.0
        variance += _SMALLEST_VARIANCE
        root = float(variance.shape[0]) ** 0.5
        return root * keras.ops.sqrt(variance), root * variance

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
        return {**super().get_config(), "momentum": self.momentum, "scale": self.scale}
