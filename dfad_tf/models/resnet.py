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
        name: Name of the model.

    Returns:
        A model from images to logits `(batch, num_classes)`.

    Reference:
        He et al., arXiv 1512.03385, sections 3.3 and 4.2.
    """
    inputs = keras.Input(input_shape, name="image")
    x = layers.standardize(inputs, mean, std)
    x = layers.batch_norm_relu(layers.convolution(x, widths[0]))
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
