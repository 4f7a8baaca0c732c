"""Attention transfer: where a network looks, not what it sees there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np


@keras.saving.register_keras_serializable("dfad_tf")
class AttentionTransfer:
    """Distance of the attention maps of student and teacher, summed over pairs of layers.

    A map is the mean over channels of the squared activations, flattened and of L2 norm
    one, so that networks of any width compare. Where the sizes differ, the larger map is
    averaged down to the smaller. A map of a single pixel says nothing, and is left out.

    Args:
        weight: Factor in the student's loss.
        teacher_layers: Names of the teacher's layers; none are the ends of its groups.
        student_layers: Names of the student's, paired with them by place.
        squared: False is the paper's form, half the L2 distance of two maps divided by the
            number of their pixels. True is that of the reference implementation, the mean
            of the squared differences.

    Example:

    >>> AttentionTransfer()(teacher_maps, student_maps)

    Reference:
        Zagoruyko and Komodakis, arXiv 1612.03928, Eq. 2 and section 3.1.
    """

    def __init__(
        self,
        weight: float = 1000.0,
        teacher_layers: Sequence[str] = (),
        student_layers: Sequence[str] = (),
        squared: bool = False,
    ) -> None:
        self.weight = weight
        self.teacher_layers, self.student_layers = tuple(teacher_layers), tuple(student_layers)
        self.squared = squared

    def __call__(self, teacher_maps: Sequence[Any], student_maps: Sequence[Any]) -> Any:
        """Return the unweighted distance, a scalar; maps are `(batch, height, width, channels)`."""
        total: Any = keras.ops.zeros(())
        for theirs, ours in zip(teacher_maps, student_maps, strict=True):
            size = tuple(min(a, b) for a, b in zip(theirs.shape[1:3], ours.shape[1:3], strict=True))
            if size == (1, 1):
                continue
            difference = attention_map(ours, size) - attention_map(theirs, size)
            squares = keras.ops.sum(keras.ops.square(difference), axis=-1)
            if not self.squared:
                # The root's gradient is infinite at 0, where both look alike.
                squares = 0.5 * keras.ops.sqrt(squares + 1e-12)
            total += keras.ops.mean(squares) / (size[0] * size[1])
        return total

    def get_config(self) -> dict[str, Any]:
        return {
            "weight": self.weight,
            "teacher_layers": list(self.teacher_layers),
            "student_layers": list(self.student_layers),
            "squared": self.squared,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> AttentionTransfer:
        return cls(**config)


def attention_map(activations: Any, size: tuple[int, int]) -> Any:
    """Return maps of L2 norm one, float32 `(batch, height · width)`.

    Args:
        activations: `(batch, height, width, channels)`.
        size: `(height, width)` to average down to.
    """
    maps = keras.ops.mean(keras.ops.square(keras.ops.cast(activations, "float32")), axis=-1)
    if tuple(maps.shape[1:]) != size:
        rows, columns = (
            _averaging(large, small) for large, small in zip(maps.shape[1:], size, strict=True)
        )
        maps = keras.ops.einsum("ih,bhw,jw->bij", rows, maps, columns)
    maps = keras.ops.reshape(maps, (-1, size[0] * size[1]))
    squares = keras.ops.sum(keras.ops.square(maps), axis=-1, keepdims=True)
    return maps / keras.ops.sqrt(squares + 1e-12)


def _averaging(large: int, small: int) -> np.ndarray:
    """Matrix `(small, large)` of adaptive average pooling: bins of equal span, overlapping."""
    weights = np.zeros((small, large), np.float32)
    for row in range(small):
        first, last = row * large // small, -(-(row + 1) * large // small)
        weights[row, first:last] = 1 / (last - first)
    return weights
