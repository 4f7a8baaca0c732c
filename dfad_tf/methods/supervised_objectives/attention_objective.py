"""Attention transfer on real images."""

from __future__ import annotations

from typing import Any

from dfad_tf.losses import AttentionTransfer
from dfad_tf.methods.supervised_objectives.supervised_objective import (
    Comparison,
    SupervisedObjective,
)


class AttentionObjective(SupervisedObjective):
    """Distance of the attention maps of all pairs of layers.

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

    def call(self, comparison: Comparison) -> Any:
        return self.attention(comparison.teacher_maps, comparison.student_maps)
