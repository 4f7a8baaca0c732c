"""Up-sampling and convolution in one operation, without computing the up-sampled image."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("dfad_tf")
class UpsampledConv2D(keras.layers.Conv2D):
    """A 3×3 convolution of an image that is up-sampled by two.

    It computes the same function, with the same weights, as `UpSampling2D()` followed by
    `Conv2D(filters, 3, padding="same")`. At most four of the nine kernel elements are multiplied
    by different pixels of the original image. A transposed convolution with a 4×4 kernel, whose
    elements are sums of those of the 3×3 kernel, therefore gives the result with four ninths of
    the multiply-adds.

    Args:
        filters: Channels of the output.
        **arguments: As for `keras.layers.Conv2D`, except the kernel size, strides, padding,
            dilation rate and groups, which are 3, 1, "same", 1 and 1.

    Example:

    >>> UpsampledConv2D(16)(keras.ops.zeros((1, 8, 8, 4))).shape
    TensorShape([1, 16, 16, 16])
    """

    def __init__(self, filters: int, **arguments: Any) -> None:
        arguments.update(kernel_size=3, strides=1, padding="same", dilation_rate=1, groups=1)
        super().__init__(filters, **arguments)

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        batch, height, width, _ = input_shape
        return (batch, 2 * height, 2 * width, self.filters)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        kernel = _doubled(_doubled(tf.convert_to_tensor(self.kernel), 0), 1)
        shape = (tf.shape(inputs)[0], *self.compute_output_shape(inputs.shape)[1:])
        outputs = tf.nn.conv2d_transpose(
            inputs, tf.transpose(kernel, (0, 1, 3, 2)), shape, strides=2, padding="SAME"
        )
        if self.use_bias:
            outputs = tf.nn.bias_add(outputs, tf.convert_to_tensor(self.bias))
        return self.activation(outputs)


def _doubled(kernel: tf.Tensor, axis: int) -> tf.Tensor:
    """Return the kernel of four elements along one axis that replaces a kernel of three."""
    first, middle, last = tf.unstack(kernel, axis=axis)
    return tf.stack([last, middle + last, first + middle, first], axis=axis)
