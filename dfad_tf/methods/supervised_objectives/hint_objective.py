"""The hint of FitNets: the maps of a layer in the middle of the teacher."""

from __future__ import annotations

import keras
import tensorflow as tf

from dfad_tf.compute import replicas
from dfad_tf.methods.supervised_objectives.supervised_objective import (
    Comparison,
    SupervisedObjective,
)
from dfad_tf.utils.errors import InputError


class HintObjective(SupervisedObjective):
    """The squared distance of a regression on the student's maps from the teacher's hint.

    The regressor is one convolution with ReLU, whose output has the size and the channels of the
    hint. It is trained together with the student and then discarded.

    Args:
        teacher_shape: `(height, width, channels)` of the hint.
        student_shape: `(height, width, channels)` of the guided layer.
        halved: True for the paper's ½‖·‖², averaged over all elements so that one learning rate
            suits maps of any size. False for the mean square, with batch norm in the regressor,
            as in the reference implementation.
        weight: Weight in the student's loss.
        name: Key in the logs.

    Raises:
        InputError: If no convolution maps the size of the student's maps to that of the hint.

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

    def call(self, comparison: Comparison) -> tf.Tensor:
        hint = keras.ops.cast(comparison.teacher_maps[0], "float32")
        guided = keras.ops.cast(comparison.student_maps[0], "float32")
        squares = keras.ops.square(hint - self.networks[0](guided, training=True))
        return keras.ops.mean(squares) * (0.5 if self.halved else 1.0)


def _regressor(
    teacher_shape: tuple[int, int, int], student_shape: tuple[int, int, int], batch_norm: bool
) -> keras.Model:
    hint, guided = teacher_shape[:2], student_shape[:2]
    inputs = keras.Input(student_shape)
    filters = teacher_shape[2]
    if all(2 * t == s for t, s in zip(hint, guided, strict=True)):
        x = keras.layers.Conv2D(filters, 3, strides=2, padding="same")(inputs)
    elif all(t == 2 * s for t, s in zip(hint, guided, strict=True)):
        x = keras.layers.Conv2DTranspose(filters, 4, strides=2, padding="same")(inputs)
    elif all(s >= t for t, s in zip(hint, guided, strict=True)):
        size = tuple(1 + s - t for t, s in zip(hint, guided, strict=True))
        x = keras.layers.Conv2D(filters, size)(inputs)
    else:
        raise InputError(
            "Expected `teacher_layers` and `student_layers` whose maps have the same size after a "
            "convolution: equal, or the student's larger or half as large. Received: "
            f"{hint[0]}×{hint[1]} and {guided[0]}×{guided[1]}"
        )
    if batch_norm:
        x = keras.layers.BatchNormalization(
            momentum=0.9, epsilon=1e-5, synchronized=replicas.count() > 1
        )(x)
    return keras.Model(inputs, keras.layers.ReLU()(x), name="regressor")
