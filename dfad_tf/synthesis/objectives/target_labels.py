"""The teacher should recognize the class that an image was synthesized for."""

from __future__ import annotations

import keras
import tensorflow as tf

from dfad_tf.synthesis.objectives.generator_objective import ForwardPass, GeneratorObjective


@keras.saving.register_keras_serializable("dfad_tf")
class TargetLabels(GeneratorObjective):
    """The cross-entropy of the teacher's logits against the target labels of the batch.

    The labels are drawn evenly, so that all classes are covered from the first step. In R_l
    (`LogitsActivation`), the label is the teacher's own prediction, so a class that no image
    belongs to yet stays without images.

    Args:
        weight: Weight in the generator's objective.
        name: Key in the logs.

    Reference:
        Fang et al., "Up to 100x Faster Data-Free Knowledge Distillation", arXiv 2112.06253,
        section 3.1; Tran et al., NAYER, arXiv 2310.00258.
    """

    needs_labels = True

    def __init__(self, weight: float = 1.0, name: str = "target_labels") -> None:
        super().__init__(weight, name)

    def call(self, forward: ForwardPass) -> tf.Tensor:
        return keras.ops.mean(
            keras.ops.sparse_categorical_crossentropy(
                forward.labels, forward.teacher_logits, from_logits=True
            )
        )
