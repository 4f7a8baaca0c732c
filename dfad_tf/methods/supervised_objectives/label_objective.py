"""The labels of the data."""

from __future__ import annotations

from typing import Any

import keras

from dfad_tf.methods.supervised_objectives.supervised_objective import (
    Comparison,
    SupervisedObjective,
)


class LabelObjective(SupervisedObjective):
    """Cross-entropy of the student's logits against the labels.

    Args:
        weight: Factor in the student's loss.
        name: Key in the logs.
    """

    needs_teacher = False

    def __init__(self, weight: float = 1.0, name: str = "label_loss") -> None:
        super().__init__(weight, name)

    def call(self, comparison: Comparison) -> Any:
        return keras.ops.mean(
            keras.ops.sparse_categorical_crossentropy(
                comparison.labels, comparison.student_logits, from_logits=True
            )
        )
