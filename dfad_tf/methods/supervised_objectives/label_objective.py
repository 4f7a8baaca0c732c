"""Cross-entropy against the labels."""

from __future__ import annotations

import keras
import tensorflow as tf

from dfad_tf.methods.supervised_objectives.supervised_objective import (
    Comparison,
    SupervisedObjective,
)


class LabelObjective(SupervisedObjective):
    """The cross-entropy of the student's logits against the labels.

    Args:
        weight: Weight in the student's loss.
        name: Key in the logs.
    """

    needs_teacher = False

    def __init__(self, weight: float = 1.0, name: str = "label_loss") -> None:
        super().__init__(weight, name)

    def call(self, comparison: Comparison) -> tf.Tensor:
        return keras.ops.mean(
            keras.ops.sparse_categorical_crossentropy(
                comparison.labels, comparison.student_logits, from_logits=True
            )
        )
