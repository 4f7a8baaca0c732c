"""Factor transfer: the teacher's maps, paraphrased before they are taught."""

from __future__ import annotations

import math
from typing import Any

import keras

from dfad_tf.methods.supervised_objectives.supervised_objective import (
    Comparison,
    SupervisedObjective,
)
from dfad_tf.utils.errors import InputError

_SLOPE = 0.1


class ReconstructionObjective(SupervisedObjective):
    """How well a paraphraser gives the teacher's maps back, for its training beforehand.

    Args:
        shape: `(height, width, channels)` of the teacher's maps.
        rate: Channels of the factors, as a share of the maps'.
        squared: The paper's mean square; False is the mean distance, as in the
            authors' code.
        name: Key in the logs.

    Attributes:
        paraphraser: From maps to factors.

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
        back = _chain(
            (*shape[:2], factors),
            (factors, channels, channels),
            "reconstruction",
            keras.layers.Conv2DTranspose,
        )
        self.networks = (self.paraphraser, back)

    def call(self, comparison: Comparison) -> Any:
        maps = keras.ops.cast(comparison.teacher_maps[0], "float32")
        distance = self.networks[1](self.paraphraser(maps)) - maps
        return keras.ops.mean(
            keras.ops.square(distance) if self.squared else keras.ops.abs(distance)
        )


class FactorObjective(SupervisedObjective):
    """Mean distance of the student's translated maps from the teacher's factors.

    Both are flattened and of L2 norm one. The paraphraser stands still, the translator is
    trained along with the student.

    Args:
        paraphraser: From the teacher's maps to factors, trained beforehand.
        student_shape: `(height, width, channels)` of the student's maps.
        weight: Factor in the student's loss.
        name: Key in the logs.

    Raises:
        InputError: If the two maps differ in size.

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
                "Expected --teacher_layers and --student_layers whose last maps are of one size, "
                f"for factor transfer. Received: {height}×{width} and "
                f"{student_shape[0]}×{student_shape[1]}"
            )
        self.paraphraser = paraphraser
        channels = student_shape[2]
        self.networks = (_chain(student_shape, (channels, factors, factors), "translator"),)

    def call(self, comparison: Comparison) -> Any:
        theirs = self.paraphraser(keras.ops.cast(comparison.teacher_maps[-1], "float32"))
        ours = self.networks[0](keras.ops.cast(comparison.student_maps[-1], "float32"))
        distance = _normalized(keras.ops.stop_gradient(theirs)) - _normalized(ours)
        return keras.ops.mean(keras.ops.abs(distance))


def factor_channels(shape: tuple[int, int, int], rate: float) -> int:
    """Channels of the factors of maps `(height, width, channels)`: at least one."""
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


def _normalized(factors: Any) -> Any:
    flat = keras.ops.reshape(factors, (-1, math.prod(factors.shape[1:])))
    return flat / (keras.ops.norm(flat, axis=-1, keepdims=True) + 1e-12)
