"""A convolution that computes the gradient of its kernel as matrix products."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

_SAFE_CHANNELS = 16  # a block of channels of oneDNN with AVX-512; 8 with AVX2
_TAPS = 3
_MAX_PIXELS = 64  # of an output with stride 1; four times as many with stride 2


@keras.saving.register_keras_serializable("dfad_tf")
class ProductGradientConv2D(keras.layers.Conv2D):
    """A convolution that computes the gradient of some kernels as matrix products.

    3×3 kernels: on a CPU, TensorFlow's operation for this gradient is slower than plain products
    for small images with many channels, and with strides: in bfloat16, the last group of a
    ResNet-18 takes 35 ms, and 13 ms with products.

    1×1 kernels with strides and few channels: oneDNN's operation, which TensorFlow uses, writes
    past its workspace (see `overwrites_memory`). In other cases, and on GPUs, TensorFlow's
    operation is used. Arguments and weights are those of `keras.layers.Conv2D`.

    Example:

    >>> ProductGradientConv2D(512, 3, padding="same")(images)
    """

    def convolution_op(self, inputs: tf.Tensor, kernel: keras.Variable | tf.Tensor) -> tf.Tensor:
        by_pixel = isinstance(inputs, tf.Tensor) and overwrites_memory(self, kernel.shape[2])
        if not (by_pixel or self._gains(inputs, kernel)):
            return super().convolution_op(inputs, kernel)
        strides, padding = list(self.strides), self.padding.upper()

        @tf.custom_gradient
        def convolve(images: tf.Tensor, taps: tf.Tensor) -> Any:
            def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
                images_gradient = tf.nn.conv2d_transpose(
                    upstream, taps, tf.shape(images), strides, padding
                )
                if by_pixel:
                    return images_gradient, pixel_gradient(images, upstream, strides)
                return images_gradient, kernel_gradient(images, upstream, strides[0], padding)

            return tf.nn.conv2d(images, taps, strides, padding), gradient

        return convolve(inputs, tf.convert_to_tensor(kernel))

    def _gains(self, inputs: tf.Tensor, kernel: keras.Variable | tf.Tensor) -> bool:
        """Return whether products give the same gradient and were measured to be faster."""
        if (
            not isinstance(inputs, tf.Tensor)
            or self.data_format != "channels_last"
            or tuple(self.kernel_size) != (_TAPS, _TAPS)
            or self.strides[0] != self.strides[1]
            or self.strides[0] > 2
            or tuple(self.dilation_rate) != (1, 1)
            or self.groups != 1
            or min(kernel.shape[2:]) < 32
            or None in inputs.shape[1:]
            or tf.config.list_physical_devices("GPU")
        ):
            return False
        height, width = self.compute_output_shape(inputs.shape)[1:3]
        return height * width <= _MAX_PIXELS * self.strides[0] ** 2


def overwrites_memory(layer: keras.layers.Layer, channels: int) -> bool:
    """Return whether oneDNN's gradient of a layer's kernel would write past its workspace.

    The workspace of the gradient of a 1×1 convolution with strides is addressed in blocks of 16
    channels with AVX-512, and of 8 with AVX2, but has the size of the real channels. The process
    dies, or the gradient is wrong. TensorFlow 2.20 and 2.21 use oneDNN where the processor has
    VNNI, or where the environment variable `TF_ENABLE_ONEDNN_OPTS` is 1, which commands set.

    Args:
        layer: A layer.
        channels: Number of channels of its input.

    Example:

    >>> overwrites_memory(keras.layers.Conv2D(16, 1, strides=2), channels=8)
    True

    Reference:
        https://github.com/uxlfoundation/oneDNN/issues/6035
    """
    return (
        isinstance(layer, keras.layers.Conv2D)
        and tuple(layer.kernel_size) == (1, 1)
        and max(layer.strides) > 1
        and layer.groups == 1
        and layer.data_format == "channels_last"
        and channels < _SAFE_CHANNELS
        and not tf.config.list_physical_devices("GPU")
    )


def pixel_gradient(images: tf.Tensor, upstream: tf.Tensor, strides: Sequence[int]) -> tf.Tensor:
    """Return the gradient of a 1×1 kernel: a product of the pixels that it sees and gradients.

    Args:
        images: `(batch, height, width, channels)`, the input of the convolution.
        upstream: `(batch, rows, columns, filters)`, the gradient of the output.
        strides: Along the height and the width.

    Returns:
        `(1, 1, channels, filters)`.

    Example:

    >>> images, upstream = tf.ones((4, 8, 8, 2)), tf.ones((4, 4, 4, 5))
    >>> pixel_gradient(images, upstream, (2, 2)).shape
    TensorShape([1, 1, 2, 5])
    """
    channels, filters = images.shape[3], upstream.shape[3]
    seen = tf.reshape(images[:, :: strides[0], :: strides[1]], (-1, channels))
    product = tf.linalg.matmul(seen, tf.reshape(upstream, (-1, filters)), transpose_a=True)
    return tf.reshape(product, (1, 1, channels, filters))


def kernel_gradient(images: tf.Tensor, upstream: tf.Tensor, stride: int, padding: str) -> tf.Tensor:
    """Return the gradient of a 3×3 kernel: a product of images and gradients for each tap.

    Args:
        images: `(batch, height, width, channels)`, the input of the convolution.
        upstream: `(batch, rows, columns, filters)`, the gradient of the output.
        stride: 1 or 2, the same along both sides.
        padding: `"SAME"` or `"VALID"`.

    Returns:
        `(3, 3, channels, filters)`.

    Example:

    >>> images, upstream = tf.ones((4, 8, 8, 2)), tf.ones((4, 6, 6, 5))
    >>> kernel_gradient(images, upstream, stride=1, padding="VALID").shape
    TensorShape([3, 3, 2, 5])
    """
    sides = upstream.shape[1:3]
    channels, filters = images.shape[3], upstream.shape[3]
    # Each side is padded or cropped to a multiple of the stride that contains all taps.
    blocks = [-(-(stride * (count - 1) + _TAPS) // stride) for count in sides]
    for axis, (count, block) in enumerate(zip(sides, blocks, strict=True), start=1):
        size = images.shape[axis]
        before = max(0, stride * (count - 1) + _TAPS - size) // 2 if padding == "SAME" else 0
        after = stride * block - size - before
        pads = [[0, 0] for _ in range(4)]
        pads[axis] = [before, max(0, after)]
        images = tf.pad(images, pads)
        if after < 0:
            images = tf.gather(images, tf.range(stride * block), axis=axis)
    # After this, the pixels that one tap multiplies are adjacent, so no read is strided.
    phases = tf.reshape(images, (-1, blocks[0], stride, blocks[1], stride, channels))
    rows, columns = sides
    flat = tf.reshape(upstream, (-1, filters))
    products = []
    for top in range(_TAPS):
        for left in range(_TAPS):
            y, x = top // stride, left // stride
            pixels = phases[:, y : y + rows, top % stride, x : x + columns, left % stride, :]
            products.append(
                tf.linalg.matmul(tf.reshape(pixels, (-1, channels)), flat, transpose_a=True)
            )
    return tf.reshape(tf.stack(products), (_TAPS, _TAPS, channels, filters))
