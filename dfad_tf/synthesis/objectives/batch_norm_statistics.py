"""Batch-norm statistics: the one trace that the data left in the teacher."""

from __future__ import annotations

from typing import Any

import keras

from dfad_tf.compute import replicas
from dfad_tf.synthesis.objectives.generator_objective import ForwardPass, GeneratorObjective


@keras.saving.register_keras_serializable("dfad_tf")
class BatchNormStatistics(GeneratorObjective):
    """Distance of a generated batch's statistics from those that the teacher's layers keep.

    Summed over the teacher's batch normalizations: the L2 distance of the means of their
    inputs plus that of the variances. A teacher without any adds nothing.

    Args:
        weight: Factor in the generator's objective.
        name: Key in the logs.

    Reference:
        Yin et al., "Dreaming to Distill", arXiv 1912.08795, Eq. 4, as the public
        implementations of DFQ (Choi et al., arXiv 2005.04136) have it.
    """

    needs_batch_norm = True

    def __init__(self, weight: float = 1.0, name: str = "batch_norm_statistics") -> None:
        super().__init__(weight, name)

    def call(self, forward: ForwardPass) -> Any:
        total: Any = keras.ops.zeros(())
        for inputs, mean, variance in forward.batch_norm:
            axes = tuple(range(len(inputs.shape) - 1))
            means, variances = replicas.moments(keras.ops.cast(inputs, "float32"), axes)
            for found, kept in ((means, mean), (variances, variance)):
                squares = keras.ops.sum(keras.ops.square(found - keras.ops.cast(kept, "float32")))
                total += keras.ops.sqrt(squares + 1e-12)
        return total
