"""FitNet's hint: a layer in the middle of the teacher."""

from __future__ import annotations

from typing import Any

import keras

from dfad_tf.compute import replicas
from dfad_tf.methods.supervised_objectives.supervised_objective import (
    Comparison,
    SupervisedObjective,
)
from dfad_tf.utils.errors import InputError


class HintObjective(SupervisedObjective):
    """Squared distance of a regression on the student's maps from the teacher's hint.

    The regressor is one convolution with ReLU that brings the student's maps to the hint's
    size and channels; it is trained along and thrown away.

    Args:
        teacher_shape: `(height, width, channels)` of the hint.
        student_shape: `(height, width, channels)` of the guided layer.
        halved: True is the paper's ½‖·‖², averaged over all elements so that one
            rate serves maps of any size. False is the mean of the squares with batch norm
            in the regressor, as the reference implementation has it.
        weight: Factor in the student's loss.
        name: Key in the logs.

    Raises:
        InputError: If no convolution brings the one size to the other.

    Reference:
        Romero et al., "FitNets", arXiv 1412.6550, Eq. 3.
    """

    needs_logits = False
    needs_maps = True

    def __init__(
        self,
        teacher_shape: tuple[int, int, int],
        student_shape: tuple[int, int, int],
        halved: bool = True,
        weight: float = 1.0,
        name: str = "hint_loss",
    ) -> None:
        super().__init__(weight, name)
        self.halved = halved
        self.networks = (_regressor(teacher_shape, student_shape, batch_norm=not halved),)

    def call(self, comparison: Comparison) -> Any:
        hint = keras.ops.cast(comparison.teacher_maps[0], "float32")
        guided = keras.ops.cast(comparison.student_maps[0], "float32")
        squares = keras.ops.square(hint - self.networks[0](guided, training=True))
        return keras.ops.mean(squares) * (0.5 if self.halved else 1.0)


def _regressor(
    teacher_shape: tuple[int, int, int], student_shape: tuple[int, int, int], batch_norm: bool
) -> keras.Model:
    theirs, ours = teacher_shape[:2], student_shape[:2]
    inputs = keras.Input(student_shape)
    filters = teacher_shape[2]
    if all(2 * t == s for t, s in zip(theirs, ours, strict=True)):
        x = keras.layers.Conv2D(filters, 3, strides=2, padding="same")(inputs)
    elif all(t == 2 * s for t, s in zip(theirs, ours, strict=True)):
        x = keras.layers.Conv2DTranspose(filters, 4, strides=2, padding="same")(inputs)
    elif all(s >= t for t, s in zip(theirs, ours, strict=True)):
        size = tuple(1 + s - t for t, s in zip(theirs, ours, strict=True))
        x = keras.layers.Conv2D(filters, size)(inputs)
    else:
        raise InputError(
            "Expected --teacher_layers and --student_layers whose maps a convolution brings to one "
            f"size: equal, or the student's larger, or half. Received: {theirs[0]}×{theirs[1]} "
            f"and {ours[0]}×{ours[1]}"
        )
    if batch_norm:
        x = keras.layers.BatchNormalization(
            momentum=0.9, epsilon=1e-5, synchronized=replicas.count() > 1
        )(x)
    return keras.Model(inputs, keras.layers.ReLU()(x), name="regressor")
