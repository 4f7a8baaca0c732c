"""Residual networks for small images: ResNet-18/34 and ResNet-20/56."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from dfad_tf.models import layers


def resnet(
    input_shape: tuple[int, int, int],
    num_classes: int,
    blocks: Sequence[int],
    widths: Sequence[int],
    projection: bool = True,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    stem_strides: int = 1,
    name: str = "resnet",
) -> keras.Model:
    """Build groups of basic blocks behind a 3×3 stem, without max pooling.

    Args:
        input_shape: `(height, width, channels)`.
        num_classes: Number of logits.
        blocks: Number of blocks in each group: (3, 4, 6, 3) for ResNet-34, (2, 2, 2, 2)
            for ResNet-18, (3, 3, 3) for ResNet-20, (9, 9, 9) for ResNet-56.
        widths: Number of filters in each group. Each group except the first halves the
            height and width.
        projection: True: shortcuts between groups are 1×1 convolutions with batch norm
            (ResNet-18/34). False: they subsample and pad with zero channels, without
            parameters (ResNet-20/56, "option A").
        mean: Mean of each channel. The network subtracts it.
        std: Standard deviation of each channel. The network divides by it.
        stem_strides: Strides of the stem, a power of two. Each factor of two is a convolution of
            its own, so that no pixel is skipped.
        name: Name of the model.

    Returns:
        A model from images to logits `(batch, num_classes)`.

    Reference:
        He et al., arXiv 1512.03385, sections 3.3 and 4.2.
    """
    inputs = keras.Input(input_shape, name="image")
    x = layers.standardize(inputs, mean, std)
    x = layers.batch_norm_relu(layers.convolution(x, widths[0], strides=min(2, stem_strides)))
    for _ in range(stem_strides.bit_length() - 2):
        x = layers.batch_norm_relu(layers.convolution(x, widths[0], strides=2))
    for group, (count, width) in enumerate(zip(blocks, widths, strict=True)):
        for block in range(count):
            # Methods that compare feature maps find the end of a group by its name.
            name_of_end = f"group{group + 1}" if block == count - 1 else None
            x = _block(x, width, 2 if group and not block else 1, projection, name_of_end)
    x = keras.layers.GlobalAveragePooling2D(name="features")(x)
    return keras.Model(inputs, keras.layers.Dense(num_classes, name="logits")(x), name=name)


def _block(
    inputs: keras.KerasTensor, width: int, strides: int, projection: bool, name: str | None = None
) -> keras.KerasTensor:
    x = layers.batch_norm_relu(layers.convolution(inputs, width, strides=strides))
    x = layers.batch_norm(layers.convolution(x, width))
    shortcut = inputs
    if strides > 1 or inputs.shape[-1] != width:
        if projection:
            shortcut = layers.batch_norm(layers.convolution(inputs, width, 1, strides))
        else:
            shortcut = keras.layers.MaxPooling2D(1, strides=strides)(inputs)
            added = width - inputs.shape[-1]
            shortcut = keras.ops.pad(
                shortcut, [[0, 0], [0, 0], [0, 0], [added // 2, added - added // 2]]
            )
    return keras.layers.ReLU(name=name)(keras.layers.Add()([x, shortcut]))


def compact_resnet(
    input_shape: tuple[int, int, int],
    num_classes: int,
    width: int,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    name: str = "compact",
) -> keras.Model:
    """Build a small residual network with one block in each group, for images of any size.

    The stem of large images has strides, so that the first group, where most of the multiply-adds
    are, has at most 63 pixels on a side.

    Args:
        input_shape: `(height, width, channels)`.
        num_classes: Number of logits.
        width: Filters of the first group; twice and four times as many in the others.
        mean: Mean of each channel. The network subtracts it.
        std: Standard deviation of each channel. The network divides by it.
        name: Name of the model.

    Returns:
        A model from images to logits `(batch, num_classes)`.
    """
    strides = 2 ** max(0, (max(input_shape[:2]) // 64).bit_length())
    return resnet(
        input_shape,
        num_classes,
        blocks=(1, 1, 1),
        widths=(width, 2 * width, 4 * width),
        mean=mean,
        std=std,
        stem_strides=strides,
        name=name,
    )
