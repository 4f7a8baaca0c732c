"""Knowledge distillation from the teacher's softened logits."""

from __future__ import annotations

import keras
import tensorflow as tf

from dfad_tf.losses import KullbackLeiblerDiscrepancy
from dfad_tf.methods.supervised_objectives.supervised_objective import (
    Comparison,
    SupervisedObjective,
)


class LogitsObjective(SupervisedObjective):
    """`temperature² · KL` of the student's softened predictions from the teacher's.

    Keras's `LogitsDistillation` is called with the divergence of this package, because Keras's
    divergence has no gradient at saturated predictions.

    Args:
        temperature: Divisor of the logits, above 0.
        weight: Weight in the student's loss.
        name: Key in the logs.

    Reference:
        Hinton, Vinyals and Dean, arXiv 1503.02531, section 2.
    """

    def __init__(
        self, temperature: float = 4.0, weight: float = 1.0, name: str = "logits_loss"
    ) -> None:
        super().__init__(weight, name)
        self.temperature = temperature
        # It divides the logits, and multiplies only Keras's divergence by temperature².
        self.distillation = keras.distillation.LogitsDistillation(
            temperature, KullbackLeiblerDiscrepancy(reduction="none")
        )

    def call(self, comparison: Comparison) -> tf.Tensor:
        softened = self.distillation.compute_loss(
            comparison.teacher_logits, comparison.student_logits
        )
        return softened * self.temperature**2
