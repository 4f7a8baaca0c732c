"""Up-sampling and convolution in one: the doubled image is never made."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("dfad_tf")
class UpsampledConv2D(keras.layers.Conv2D):
    """A 3×3 convolution over an image doubled by nearest up-sampling.

    The same function, from the same weights, as `UpSampling2D()` followed by
    `Conv2D(filters, 3, padding="same")`. Of nine taps on a doubled image at most
    four meet different pixels, so a transposed convolution with a 4×4 kernel, sums of
    the 3×3 one's, gives the result with four ninths of the multiply-adds.

    Args:
        filters: Channels of the output.
        **arguments: As for `keras.layers.Conv2D`, but for size, strides, padding, dilation
            and groups, which are 3, 1, "same", 1 and 1.

    Example:

    >>> UpsampledConv2D(16)(keras.ops.zeros((1, 8, 8, 4))).shape
    TensorShape([1, 16, 16, 16])
    """

    def __init__(self, filters: int, **arguments: Any) -> None:
        arguments.update(kernel_size=3, strides=1, padding="same", dilation_rate=1, groups=1)
        super().__init__(filters, **arguments)

    def compute_output_shape(self, input_shape: Any) -> tuple[Any, ...]:
        batch, height, width, _ = input_shape
        return (batch, 2 * height, 2 * width, self.filters)

    def call(self, inputs: Any) -> Any:
        kernel = _doubled(_doubled(tf.convert_to_tensor(self.kernel), 0), 1)
        shape = (tf.shape(inputs)[0], *self.compute_output_shape(inputs.shape)[1:])
        outputs = tf.nn.conv2d_transpose(
            inputs, tf.transpose(kernel, (0, 1, 3, 2)), shape, strides=2, padding="SAME"
        )
        if self.use_bias:
            outputs = tf.nn.bias_add(outputs, tf.convert_to_tensor(self.bias))
        return self.activation(outputs)


def _doubled(kernel: Any, axis: int) -> Any:
    """The taps of a kernel of three where each pixel stands twice, along one axis."""
    first, middle, last = tf.unstack(kernel, axis=axis)
    return tf.stack([last, middle + last, first + middle, first], axis=axis)
