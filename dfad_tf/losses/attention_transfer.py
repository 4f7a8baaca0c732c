"""Attention transfer: the student learns at which pixels the teacher has large activations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf


@keras.saving.register_keras_serializable("dfad_tf")
class AttentionTransfer:
    """Distance of the attention maps of student and teacher, summed over pairs of layers.

    An attention map is the mean over channels of the squared activations, flattened and scaled
    to L2 norm one, so that networks of any width can be compared. If the sizes of two maps
    differ, the larger one is averaged down to the size of the smaller. A map of a single pixel
    contains no information and is skipped.

    Args:
        weight: Factor of the distance in the student's loss.
        teacher_layers: Names of the teacher's layers. An empty sequence stands for the ends of
            its groups.
        student_layers: Names of the student's layers, each paired with the teacher's layer at
            the same position.
        squared: False is the form of the paper, half the L2 distance of two maps divided by the
            number of their pixels. True is the form of the reference implementation, the mean
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

    def __call__(
        self, teacher_maps: Sequence[tf.Tensor], student_maps: Sequence[tf.Tensor]
    ) -> tf.Tensor:
        """Return the unweighted distance, a scalar.

        Args:
            teacher_maps: Feature maps `(batch, height, width, channels)` of the teacher.
            student_maps: As many of the student.
        """
        total = keras.ops.zeros(())
        for teacher, student in zip(teacher_maps, student_maps, strict=True):
            sides = zip(teacher.shape[1:3], student.shape[1:3], strict=True)
            height, width = (min(pair) for pair in sides)
            size = (height, width)
            if size == (1, 1):
                continue
            difference = attention_map(student, size) - attention_map(teacher, size)
            squares = keras.ops.sum(keras.ops.square(difference), axis=-1)
            if not self.squared:
                # The gradient of the square root is infinite at 0, where the maps are equal.
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


def attention_map(activations: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """Return attention maps of L2 norm one, float32 `(batch, height · width)`.

    Args:
        activations: `(batch, height, width, channels)`.
        size: `(height, width)` to average down to.

    Example:

    >>> attention_map(teacher_maps[0], (3, 3)).shape
    TensorShape([4, 9])
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
    """Return the matrix `(small, large)` of adaptive average pooling, whose bins may overlap."""
    weights = np.zeros((small, large), np.float32)
    for row in range(small):
        first, last = row * large // small, -(-(row + 1) * large // small)
        weights[row, first:last] = 1 / (last - first)
    return weights
