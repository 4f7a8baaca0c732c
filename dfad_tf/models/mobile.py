"""MobileNets and EfficientNet-Lite of `keras.applications`, for small images as well."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import keras

from dfad_tf.graphs.layer_graph import copy_layer
from dfad_tf.graphs.steps import Step, list_steps
from dfad_tf.models import layers
from dfad_tf.utils.errors import InputError

_SMALLEST = 32  # of the images that keras.applications accepts
_LAST_SIDE = 3  # of the last feature maps, at least
_LEFT_OUT = (keras.layers.Rescaling, keras.layers.Normalization, keras.layers.Dropout)


def mobile_network(
    input_shape: tuple[int, int, int],
    num_classes: int,
    application: Callable[..., keras.Model],
    lite: bool = False,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    name: str = "mobile",
) -> keras.Model:
    """Build a network of `keras.applications` with fewer strides for smaller images.

    The published networks divide the sides of an image by 32. Here the first strides are left out
    where the last feature maps would have fewer than about 3 pixels on a side: images of 32×32
    are divided by 8, those of 96×96 by 32. Dropout is left out, because generated images do not
    run out, and preprocessing, because `mean` and `std` take its place.

    Args:
        input_shape: `(height, width, channels)`.
        num_classes: Number of logits.
        application: A function of `keras.applications`, with its further arguments bound.
        lite: Whether squeeze-and-excitation is left out and each activation is a ReLU6, as in
            EfficientNet-Lite: microcontrollers and NPUs run both.
        mean: Mean of each channel. The network subtracts it.
        std: Standard deviation of each channel. The network divides by it.
        name: Name of the model.

    Returns:
        A model from images to logits `(batch, num_classes)`.

    Raises:
        InputError: If the images have fewer than 9 pixels.

    Example:

    >>> def v2(**settings):
    ...     return keras.applications.MobileNetV2(alpha=0.35, **settings)
    >>> mobile_network((32, 32, 3), 10, v2).count_params()
    423018

    Reference:
        MobileNet: arXiv 1704.04861; V2: arXiv 1801.04381; V3: arXiv 1905.02244; EfficientNet:
        arXiv 1905.11946, and its Lite variants in the TPU repository of TensorFlow.
    """
    height, width, channels = input_shape
    side = math.isqrt(height * width)
    if side < _LAST_SIDE:
        raise InputError(f"Expected images of at least 9 pixels. Received: {input_shape}")
    given = (max(height, _SMALLEST), max(width, _SMALLEST), channels)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # 2 and 4 channels are unusual
        source = application(
            input_shape=given, weights=None, classes=num_classes, classifier_activation=None
        )
    listed = list_steps(source)
    strided = [step for step in listed.steps if _strides(step) > 1]
    kept = min(len(strided), (side // _LAST_SIDE).bit_length() - 1)
    dropped = strided[: len(strided) - kept]
    inputs = keras.Input(input_shape, name="image")
    values: dict[int, Any] = {listed.input: layers.standardize(inputs, mean, std)}
    head = next(s for s in reversed(listed.steps) if s.has_weights)
    for step in listed.steps:
        received = [values[number] for number in step.inputs]
        values[step.outputs[0]] = _rebuilt(step, received, dropped, head, lite)
    return keras.Model(inputs, values[listed.output], name=name)


def _rebuilt(
    step: Step, received: list[Any], dropped: Sequence[Step], head: Step, lite: bool
) -> Any:
    """Call a step's layer anew; return its input where it is left out."""
    layer = step.operation
    if isinstance(layer, _LEFT_OUT) or (lite and isinstance(layer, keras.layers.Multiply)):
        return received[0]
    if not isinstance(layer, keras.layers.Layer):
        return step.run(received)[0]
    changes: dict[str, Any] = {}
    if dropped and isinstance(layer, keras.layers.ZeroPadding2D):
        return received[0]  # other sides need other padding, which "same" adds
    if dropped and _strides(step) > 1:
        changes = {"padding": "same", "strides": 1 if step in dropped else layer.strides}
    elif isinstance(layer, keras.layers.BatchNormalization):
        changes = {"momentum": 0.9}  # a distillation is short
    elif isinstance(layer, keras.layers.Activation):
        if layer.activation is keras.activations.linear:
            return received[0]
        if lite:
            return keras.layers.ReLU(6.0, name=layer.name)(received[0])
    elif step is head:
        changes = {"name": "logits"}
    return copy_layer(layer, **changes)(received[0] if len(received) == 1 else received)


def _strides(step: Step) -> int:
    strides = getattr(step.operation, "strides", 1)
    return max(strides) if isinstance(strides, tuple) else int(strides)
