"""The distance to the batch-norm statistics that the teacher has kept of its data."""

from __future__ import annotations

import keras
import tensorflow as tf

from dfad_tf.compute import replicas
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

    Reference:
        Yin et al., "Dreaming to Distill", arXiv 1912.08795, Eq. 4, as the public
        implementations of DFQ (Choi et al., arXiv 2005.04136) compute it.
    """

    needs_batch_norm = True

    def __init__(self, weight: float = 1.0, name: str = "batch_norm_statistics") -> None:
        super().__init__(weight, name)

    def call(self, forward: ForwardPass) -> tf.Tensor:
        total = keras.ops.zeros(())
        for inputs, mean, variance in forward.batch_norm:
            axes = tuple(range(len(inputs.shape) - 1))
            means, variances = replicas.moments(keras.ops.cast(inputs, "float32"), axes)
            for found, moving in ((means, mean), (variances, variance)):
                squares = keras.ops.sum(keras.ops.square(found - keras.ops.cast(moving, "float32")))
                total += keras.ops.sqrt(squares + 1e-12)
        return total
