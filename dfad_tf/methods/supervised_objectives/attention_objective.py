"""Attention transfer on labelled images."""

from __future__ import annotations

import tensorflow as tf

from dfad_tf.losses import AttentionTransfer
from dfad_tf.methods.supervised_objectives.supervised_objective import (
    Comparison,
    SupervisedObjective,
)


class AttentionObjective(SupervisedObjective):
    """The distance of the attention maps of teacher and student, over all pairs of layers.

    Args:
        attention: The distance, with its weight.
        name: Key in the logs.

    Reference:
        Zagoruyko and Komodakis, arXiv 1612.03928, Eq. 2.
    """

    needs_logits = False
    needs_maps = True

    def __init__(self, attention: AttentionTransfer, name: str = "attention_loss") -> None:
        super().__init__(attention.weight, name)
        self.attention = attention

    def call(self, comparison: Comparison) -> tf.Tensor:
        return self.attention(comparison.teacher_maps, comparison.student_maps)
