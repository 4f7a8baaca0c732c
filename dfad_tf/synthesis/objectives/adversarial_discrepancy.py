"""The generator's side of Eq. 1: ascend the discrepancy."""

from __future__ import annotations

from typing import Any

import keras

from dfad_tf import losses
from dfad_tf.synthesis.objectives.generator_objective import ForwardPass, GeneratorObjective


@keras.saving.register_keras_serializable("dfad_tf")
class AdversarialDiscrepancy(GeneratorObjective):
    """The negated discrepancy: minimising it moves images to where the networks differ.

    Args:
        discrepancy: Name or `keras.losses.Loss` over logits, as for the student.
        weight: Factor in the generator's objective.
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

    def call(self, forward: ForwardPass) -> Any:
        # `call`, not `__call__`: a Keras loss divides by the number of replicas,
        # and the distiller does that once, for the whole objective.
        return -keras.ops.mean(
            self.discrepancy.call(forward.teacher_logits, forward.student_logits)
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "discrepancy": keras.saving.serialize_keras_object(self.discrepancy),
        }
