"""What the package knows about each type of Keras layer.

Every module that treats some types of layers differently from others asks this table. A type
that is not in the table has none of the properties, and neither has an operation such as an
addition of two tensors.
"""

from __future__ import annotations

from dataclasses import dataclass

import keras
from keras import layers

from dfad_tf.compute.fast_layers import FusedBatchNormalization, ProductGradientConv2D


@dataclass(frozen=True)
class LayerKind:
    """One row of the table. A subclass of a layer has the row of the nearest class it inherits.

    Attributes:
        has_kernel: The layer multiplies its input by a kernel, so that the last such layer of a
            classifier returns the logits, and its input is the penultimate features.
        skipped_behind_logits: The layer may follow the last layer with a kernel. It takes one
            tensor and computes the same function of any logits.
        head_continues: In mixed precision the head of a network stays in float32. Where this
            layer returns the output, the layer before it belongs to the head as well.
        fast_form: A class of the same weights and results with faster operations. Subclasses
            of the layer do not have it, since the operations that they change are unknown.
        inherited_by_width: A narrower student can inherit the layer: some filters are kept, and
            the next kernel is rewritten for them.
        same_for_any_width: The layer has no weights and treats every channel alike, so that it
            is the same function in a narrower student.
        identity_in_inference: The layer returns its input unless it is in training mode.
        keeps_pixel_values: In inference the layer returns pixels of the range of its input. It
            may move, resize, crop or pad an image.
        preprocessing: The layer maps pixels to the range in which the network was trained.
        ends_no_group: The layer is not the end of a group of one resolution: a group ends with
            a layer that computes features, not with the resizing that leads to the next group.
    """

    has_kernel: bool = False
    skipped_behind_logits: bool = False
    head_continues: bool = False
    fast_form: type[keras.layers.Layer] | None = None
    inherited_by_width: bool = False
    same_for_any_width: bool = False
    identity_in_inference: bool = False
    keeps_pixel_values: bool = False
    preprocessing: bool = False
    ends_no_group: bool = False


_UNKNOWN = LayerKind()
_ACTIVATION = LayerKind(skipped_behind_logits=True, same_for_any_width=True)
_NOISE = LayerKind(
    skipped_behind_logits=True,
    same_for_any_width=True,
    identity_in_inference=True,
    keeps_pixel_values=True,
    ends_no_group=True,
)
_BORDER = LayerKind(same_for_any_width=True, keeps_pixel_values=True, ends_no_group=True)
_AUGMENTATION = LayerKind(keeps_pixel_values=True, ends_no_group=True)
_PREPROCESSING = LayerKind(preprocessing=True, ends_no_group=True)

TABLE: dict[type[keras.layers.Layer], LayerKind] = {
    layers.InputLayer: LayerKind(keeps_pixel_values=True, ends_no_group=True),
    # Layers with a kernel. Depthwise and separable convolutions are not inherited by width: the
    # filters of a depthwise kernel belong to the channels of its input.
    layers.Dense: LayerKind(has_kernel=True, inherited_by_width=True),
    layers.Conv2D: LayerKind(
        has_kernel=True, inherited_by_width=True, fast_form=ProductGradientConv2D
    ),
    layers.DepthwiseConv2D: LayerKind(has_kernel=True),
    layers.SeparableConv2D: LayerKind(has_kernel=True),
    layers.BatchNormalization: LayerKind(fast_form=FusedBatchNormalization),
    # Activations. ReLU includes that with `max_value=6`, and Activation every function by name,
    # such as "relu6", "hard_swish" and "silu". PReLU has weights for each channel.
    layers.Activation: LayerKind(
        skipped_behind_logits=True, head_continues=True, same_for_any_width=True
    ),
    layers.Softmax: LayerKind(skipped_behind_logits=True, head_continues=True),
    layers.ReLU: _ACTIVATION,
    layers.LeakyReLU: _ACTIVATION,
    layers.ELU: _ACTIVATION,
    layers.PReLU: LayerKind(skipped_behind_logits=True),
    # Pooling and shapes.
    layers.MaxPooling2D: LayerKind(same_for_any_width=True, ends_no_group=True),
    layers.AveragePooling2D: LayerKind(
        skipped_behind_logits=True, same_for_any_width=True, ends_no_group=True
    ),
    layers.GlobalAveragePooling2D: LayerKind(
        skipped_behind_logits=True,
        head_continues=True,
        same_for_any_width=True,
        ends_no_group=True,
    ),
    layers.GlobalMaxPooling2D: LayerKind(
        skipped_behind_logits=True, same_for_any_width=True, ends_no_group=True
    ),
    layers.Flatten: LayerKind(
        skipped_behind_logits=True, head_continues=True, same_for_any_width=True
    ),
    layers.Reshape: LayerKind(skipped_behind_logits=True, head_continues=True, ends_no_group=True),
    layers.ZeroPadding2D: _BORDER,
    layers.Cropping2D: _BORDER,
    # Regularization.
    layers.Dropout: _NOISE,
    layers.SpatialDropout2D: _NOISE,
    layers.AlphaDropout: _NOISE,
    layers.GaussianDropout: _NOISE,
    layers.GaussianNoise: _NOISE,
    # Preparation of images.
    layers.Rescaling: _PREPROCESSING,
    layers.Normalization: _PREPROCESSING,
    layers.Resizing: _AUGMENTATION,
    layers.CenterCrop: _AUGMENTATION,
    layers.AugMix: _AUGMENTATION,
    layers.RandAugment: _AUGMENTATION,
    layers.RandomBrightness: _AUGMENTATION,
    layers.RandomColorDegeneration: _AUGMENTATION,
    layers.RandomColorJitter: _AUGMENTATION,
    layers.RandomContrast: _AUGMENTATION,
    layers.RandomCrop: _AUGMENTATION,
    layers.RandomElasticTransform: _AUGMENTATION,
    layers.RandomErasing: _AUGMENTATION,
    layers.RandomFlip: _AUGMENTATION,
    layers.RandomGaussianBlur: _AUGMENTATION,
    layers.RandomGrayscale: _AUGMENTATION,
    layers.RandomHue: _AUGMENTATION,
    layers.RandomInvert: _AUGMENTATION,
    layers.RandomPerspective: _AUGMENTATION,
    layers.RandomPosterization: _AUGMENTATION,
    layers.RandomRotation: _AUGMENTATION,
    layers.RandomSaturation: _AUGMENTATION,
    layers.RandomSharpness: _AUGMENTATION,
    layers.RandomShear: _AUGMENTATION,
    layers.RandomTranslation: _AUGMENTATION,
    layers.RandomZoom: _AUGMENTATION,
}


def kind_of(layer: object) -> LayerKind:
    """Return the row of a layer.

    Args:
        layer: A layer, a nested model, or an operation of a graph.

    Example:

    >>> kind_of(keras.layers.DepthwiseConv2D(3)).has_kernel
    True
    """
    rows = (TABLE[parent] for parent in type(layer).__mro__ if parent in TABLE)
    return next(rows, _UNKNOWN)


def fast_form(layer: object) -> type[keras.layers.Layer]:
    """Return the class in which training runs a layer: the fast form, or the layer's own class."""
    row = TABLE.get(type(layer), _UNKNOWN)
    return row.fast_form or type(layer)


def is_softmax(layer: object) -> bool:
    """Return whether a layer computes a softmax and nothing else."""
    return isinstance(layer, layers.Softmax) or (
        isinstance(layer, layers.Activation) and layer.activation is keras.activations.softmax
    )
