"""The generator's side of Eq. 1: it maximizes the discrepancy."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from dfad_tf import losses
from dfad_tf.synthesis.objectives.generator_objective import ForwardPass, GeneratorObjective


@keras.saving.register_keras_serializable("dfad_tf")
class AdversarialDiscrepancy(GeneratorObjective):
    """The negative discrepancy of teacher and student.

    Minimizing it moves images to where the networks differ.

    Args:
        discrepancy: Name of a discrepancy, or a `keras.losses.Loss` between logits.
        weight: Weight in the generator's objective.
        name: Key in the logs.

    Reference:
        arXiv 2102.11638, Eq. 1; Fang et al., "Data-Free Adversarial Distillation",
        arXiv 1912.11006, Eq. 4.
    """

    needs_student = True

    def __init__(
        self,
        discrepancy: str | keras.losses.Loss = "mae",
        weight: float = 1.0,
        name: str = "adversarial_discrepancy",
    ) -> None:
        super().__init__(weight, name)
        self.discrepancy = losses.get(discrepancy)

    def call(self, forward: ForwardPass) -> tf.Tensor:
        # `__call__` of a Keras loss divides by the number of replicas. The distiller does this
        # once, for the whole objective.
        return -keras.ops.mean(
            self.discrepancy.call(forward.teacher_logits, forward.student_logits)
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "discrepancy": keras.saving.serialize_keras_object(self.discrepancy),
        }
