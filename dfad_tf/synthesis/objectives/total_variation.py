"""Neighbouring pixels should be alike, as in pictures."""

from __future__ import annotations

import keras
import tensorflow as tf

from dfad_tf.compute import replicas
from dfad_tf.synthesis.objectives.generator_objective import ForwardPass, GeneratorObjective


@keras.saving.register_keras_serializable("dfad_tf")
class TotalVariation(GeneratorObjective):
    """The squared differences of neighbouring pixels, relative to the variance of the images.

    It is the mean over pixels and over the two directions. The variance is that of the channel in
    the batch, without a gradient, so that the term does not depend on the units of the images.
    Independent pixels have the value 2.

    Args:
        weight: Weight in the generator's objective.
        name: Key in the logs.

    Reference:
        Yin et al., "Dreaming to Distill", arXiv 1912.08795, Eq. 3, where the differences are
        summed and not divided by the variance.
    """

    def __init__(self, weight: float = 1.0, name: str = "total_variation") -> None:
        super().__init__(weight, name)

    def call(self, forward: ForwardPass) -> tf.Tensor:
        images = keras.ops.cast(forward.images, "float32")
        axes = tuple(range(len(images.shape) - 1))
        _, variance = replicas.moments(images, axes)
        variance = keras.ops.stop_gradient(variance) + keras.config.epsilon()
        down = keras.ops.square(images[:, 1:] - images[:, :-1])
        across = keras.ops.square(images[:, :, 1:] - images[:, :, :-1])
        total = sum(keras.ops.mean(part, axis=axes) for part in (down, across))
        return keras.ops.mean(total / variance) / 2
