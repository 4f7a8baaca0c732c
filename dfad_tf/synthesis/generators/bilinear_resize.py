"""Bilinear resizing of images in a generator."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf


@keras.saving.register_keras_serializable("dfad_tf")
class BilinearResize(keras.layers.Layer):
    """Bilinear resizing as two matrix products.

    The gradient of TensorFlow's resizing runs on one thread, without vector instructions.

    Args:
        height: Rows of the output.
        width: Columns of the output.
        **arguments: As for every Keras layer.
    """

    def __init__(self, height: int, width: int, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.height = height
        self.width = width

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (input_shape[0], self.height, self.width, input_shape[3])

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        rows = keras.ops.cast(bilinear_weights(inputs.shape[1], self.height), inputs.dtype)
        columns = keras.ops.cast(bilinear_weights(inputs.shape[2], self.width), inputs.dtype)
        return keras.ops.einsum("ih,bhwc,jw->bijc", rows, inputs, columns)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "height": self.height, "width": self.width}


def bilinear_weights(size: int, target: int) -> np.ndarray:
    """Return the matrix `(target, size)` of linear interpolation between pixel centers.

    Args:
        size: Number of pixels of the input.
        target: Number of pixels of the output.
    """
    position = np.clip((np.arange(target) + 0.5) * size / target - 0.5, 0, size - 1)
    below = np.floor(position).astype(int)
    above = np.minimum(below + 1, size - 1)
    weights = np.zeros((target, size), np.float32)
    rows = np.arange(target)
    np.add.at(weights, (rows, below), 1 - (position - below))
    np.add.at(weights, (rows, above), position - below)
    return weights
