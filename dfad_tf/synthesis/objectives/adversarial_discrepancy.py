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
        where_they_agree: Whether only images count that teacher and student put into the same
            class, with the student in inference mode. Images on which they already differ then
            stay recognizable.

    Reference:
        arXiv 2102.11638, Eq. 1; Fang et al., "Data-Free Adversarial Distillation",
        arXiv 1912.11006, Eq. 4. `where_they_agree`: Fang et al., CMI, arXiv 2105.08584, Eq. 5.
    """

    needs_student = True

    def __init__(
        self,
        discrepancy: str | keras.losses.Loss = "mae",
        weight: float = 1.0,
        name: str = "adversarial_discrepancy",
        where_they_agree: bool = False,
    ) -> None:
        super().__init__(weight, name)
        self.where_they_agree = self.student_in_inference = where_they_agree
        self.discrepancy = losses.get(discrepancy)

    def call(self, forward: ForwardPass) -> tf.Tensor:
        # `__call__` of a Keras loss divides by the number of replicas. The distiller does this
        # once, for the whole objective.
        teacher, student = forward.teacher_logits, forward.student_logits
        values = self.discrepancy.call(teacher, student)
        if self.where_they_agree:
            same = keras.ops.argmax(teacher, -1) == keras.ops.argmax(student, -1)
            values *= keras.ops.cast(same, values.dtype)
        return -keras.ops.mean(values)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "discrepancy": keras.saving.serialize_keras_object(self.discrepancy),
            "where_they_agree": self.where_they_agree,
        }
