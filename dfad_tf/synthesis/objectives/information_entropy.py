"""Class balance: the batch should contain all classes equally often."""

from __future__ import annotations

import keras
import tensorflow as tf

from dfad_tf.compute import replicas
from dfad_tf.synthesis.objectives.generator_objective import ForwardPass, GeneratorObjective


@keras.saving.register_keras_serializable("dfad_tf")
class InformationEntropy(GeneratorObjective):
    """The negative entropy of the batch's mean prediction, in nats.

    Its minimum, −log(classes), is reached if the teacher predicts all classes equally often.

    Args:
        weight: Weight in the generator's objective.
        name: Key in the logs.

    Reference:
        arXiv 1904.01186, Eq. 5 (its public code takes the logarithm to base 10:
        a weight of 5 there is 5 / ln 10 = 2.17 here).
    """

    def __init__(self, weight: float = 1.0, name: str = "information_entropy") -> None:
        super().__init__(weight, name)

    def call(self, forward: ForwardPass) -> tf.Tensor:
        # The mean over the global batch, because the batch of a replica may lack a class.
        mean = replicas.mean(keras.ops.mean(keras.ops.softmax(forward.teacher_logits), axis=0))
        return keras.ops.sum(mean * keras.ops.log(mean + keras.config.epsilon()))
