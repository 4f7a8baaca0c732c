"""Factor transfer: the student learns a compressed form of the teacher's maps."""

from __future__ import annotations

import math

import keras
import tensorflow as tf

from dfad_tf.methods.supervised_objectives.supervised_objective import (
    Comparison,
    SupervisedObjective,
)
from dfad_tf.utils.errors import InputError

_SLOPE = 0.1


class ReconstructionObjective(SupervisedObjective):
    """The error of a paraphraser's reconstruction of the teacher's maps.

    The paraphraser is trained by it before the student.

    Args:
        shape: `(height, width, channels)` of the teacher's maps.
        rate: Channels of the factors, as a share of the channels of the maps.
        squared: True for the mean squared error of the paper, False for the mean absolute error
            of the authors' code.
        name: Key in the logs.

    Attributes:
        paraphraser: A network from maps to factors.

    Reference:
        Kim, Park and Kwak, "Paraphrasing Complex Network", arXiv 1802.04977, Eq. 1.
    """

    needs_logits = False
    needs_maps = True
    needs_student = False

    def __init__(
        self,
        shape: tuple[int, int, int],
        rate: float = 0.5,
        squared: bool = True,
        name: str = "reconstruction_loss",
    ) -> None:
        super().__init__(1.0, name)
        self.squared = squared
        channels, factors = shape[2], factor_channels(shape, rate)
        self.paraphraser = _chain(shape, (channels, factors, factors), "paraphraser")
        reconstruction = _chain(
            (*shape[:2], factors),
            (factors, channels, channels),
            "reconstruction",
            keras.layers.Conv2DTranspose,
        )
        self.networks = (self.paraphraser, reconstruction)

    def call(self, comparison: Comparison) -> tf.Tensor:
        maps = keras.ops.cast(comparison.teacher_maps[0], "float32")
        distance = self.networks[1](self.paraphraser(maps)) - maps
        return keras.ops.mean(
            keras.ops.square(distance) if self.squared else keras.ops.abs(distance)
        )


class FactorObjective(SupervisedObjective):
    """The mean absolute distance of the student's translated maps from the teacher's factors.

    Both are flattened and normalized to an L2 norm of one. The paraphraser is not trained, the
    translator is trained together with the student.

    Args:
        paraphraser: A trained network from the teacher's maps to factors.
        student_shape: `(height, width, channels)` of the student's maps.
        weight: Weight in the student's loss.
        name: Key in the logs.

    Raises:
        InputError: If the maps of teacher and student differ in size.

    Reference:
        arXiv 1802.04977, Eq. 2 and 3.
    """

    needs_logits = False
    needs_maps = True

    def __init__(
        self,
        paraphraser: keras.Model,
        student_shape: tuple[int, int, int],
        weight: float = 500.0,
        name: str = "factor_loss",
    ) -> None:
        super().__init__(weight, name)
        height, width, factors = paraphraser.output_shape[1:]
        if (height, width) != tuple(student_shape[:2]):
            raise InputError(
                "Expected `teacher_layers` and `student_layers` whose last maps have the same "
                f"size, for factor transfer. Received: {height}×{width} and "
                f"{student_shape[0]}×{student_shape[1]}"
            )
        self.paraphraser = paraphraser
        channels = student_shape[2]
        self.networks = (_chain(student_shape, (channels, factors, factors), "translator"),)

    def call(self, comparison: Comparison) -> tf.Tensor:
        factors = self.paraphraser(keras.ops.cast(comparison.teacher_maps[-1], "float32"))
        translated = self.networks[0](keras.ops.cast(comparison.student_maps[-1], "float32"))
        distance = _normalized(keras.ops.stop_gradient(factors)) - _normalized(translated)
        return keras.ops.mean(keras.ops.abs(distance))


def factor_channels(shape: tuple[int, int, int], rate: float) -> int:
    """Return the channels of the factors of maps `(height, width, channels)`, at least one."""
    return max(1, int(shape[2] * rate))


def _chain(
    shape: tuple[int, int, int],
    filters: tuple[int, ...],
    name: str,
    layer: type[keras.layers.Layer] = keras.layers.Conv2D,
) -> keras.Model:
    inputs = keras.Input(shape)
    x = inputs
    for count in filters:
        x = keras.layers.LeakyReLU(_SLOPE)(layer(count, 3, padding="same")(x))
    return keras.Model(inputs, x, name=name)


def _normalized(factors: tf.Tensor) -> tf.Tensor:
    flat = keras.ops.reshape(factors, (-1, math.prod(factors.shape[1:])))
    return flat / (keras.ops.norm(flat, axis=-1, keepdims=True) + 1e-12)
