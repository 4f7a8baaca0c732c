"""The networks of the benchmark MLPerf Tiny, for microcontrollers."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from dfad_tf.models import layers

_RESNET_WIDTHS = (16, 32, 64)
_DS_CNN_FILTERS, _DS_CNN_BLOCKS = 64, 4


def resnet8(
    input_shape: tuple[int, int, int],
    num_classes: int,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    name: str = "resnet8",
) -> keras.Model:
    """Build the residual network of image classification, with one block in each group.

    Unlike ResNet-20, its convolutions have biases, and its shortcuts no batch normalization.

    Args:
        input_shape: `(height, width, channels)`, 32×32×3 in the benchmark.
        num_classes: Number of logits.
        mean: Mean of each channel. The network subtracts it.
        std: Standard deviation of each channel. The network divides by it.
        name: Name of the model.

    Returns:
        A model from images to logits `(batch, num_classes)`.

    Reference:
        Banbury et al., "MLPerf Tiny Benchmark", arXiv 2106.07597.
    """
    inputs = keras.Input(input_shape, name="image")
    x = layers.standardize(inputs, mean, std)
    x = layers.batch_norm_relu(_convolution(x, _RESNET_WIDTHS[0]))
    for group, width in enumerate(_RESNET_WIDTHS):
        strides = 2 if group else 1
        y = layers.batch_norm_relu(_convolution(x, width, strides=strides))
        y = layers.batch_norm(_convolution(y, width))
        if strides > 1:
            x = _convolution(x, width, 1, strides)
        x = keras.layers.ReLU(name=f"group{group + 1}")(keras.layers.Add()([x, y]))
    x = keras.layers.GlobalAveragePooling2D(name="features")(x)
    return keras.Model(inputs, keras.layers.Dense(num_classes, name="logits")(x), name=name)


def ds_cnn(
    input_shape: tuple[int, int, int],
    num_classes: int,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    name: str = "ds_cnn",
) -> keras.Model:
    """Build the depthwise separable network of keyword spotting, for spectrograms.

    Args:
        input_shape: `(height, width, channels)`: 49×10×1 in the benchmark, where a spectrogram
            has 49 frames.
        num_classes: Number of logits.
        mean: Mean of each channel. The network subtracts it.
        std: Standard deviation of each channel. The network divides by it.
        name: Name of the model.

    Returns:
        A model from images to logits `(batch, num_classes)`.

    Reference:
        Zhang et al., "Hello Edge: Keyword Spotting on Microcontrollers", arXiv 1711.07128, as in
        arXiv 2106.07597.
    """
    inputs = keras.Input(input_shape, name="image")
    x = layers.standardize(inputs, mean, std)
    x = layers.batch_norm_relu(_convolution(x, _DS_CNN_FILTERS, (10, 4), 2))
    for _ in range(_DS_CNN_BLOCKS):
        x = keras.layers.DepthwiseConv2D(3, padding="same")(x)
        x = layers.batch_norm_relu(x)
        x = layers.batch_norm_relu(_convolution(x, _DS_CNN_FILTERS, 1))
    x = keras.layers.GlobalAveragePooling2D(name="features")(x)
    return keras.Model(inputs, keras.layers.Dense(num_classes, name="logits")(x), name=name)


def _convolution(
    inputs: keras.KerasTensor, filters: int, size: int | tuple[int, int] = 3, strides: int = 1
) -> keras.KerasTensor:
    return keras.layers.Conv2D(
        filters, size, strides=strides, padding="same", kernel_initializer="he_normal"
    )(inputs)
