"""Which tensors of a network share their channels, so that a narrower copy keeps the same ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from dfad_tf.graphs.layer_table import is_softmax, kind_of
from dfad_tf.graphs.steps import Step, StepList
from dfad_tf.students.pairing import NotPairedError
from dfad_tf.students.signatures import canonical_name

_ELEMENTWISE = ("add", "multiply", "maximum", "minimum", "average", "relu", "relu6")
_KERNELS = (keras.layers.Conv2D, keras.layers.Dense)


@dataclass
class ChannelGroups:
    """The channels of every tensor of a network.

    Attributes:
        of: Name of the group of a tensor's channels, by the number of the tensor. Tensors of equal
            names have the same channels: an addition joins those of its inputs.
        flattened: For each tensor whose last axis holds the channels of every pixel, the tensor
            that was flattened.
    """

    of: dict[int, int] = field(default_factory=dict)
    flattened: dict[int, int] = field(default_factory=dict)

    def group(self, tensor: int) -> int:
        """Return the name of the group of a tensor's channels."""
        name = self.of[tensor]
        while self.of[name] != name:
            name = self.of[name]
        return name

    def join(self, first: int, second: int) -> None:
        """Note that two tensors have the same channels."""
        self.of[self.group(first)] = self.group(second)


def is_kernel(step: Step) -> bool:
    """Return whether a step mixes channels: a convolution or a dense layer."""
    return type(step.operation) in _KERNELS


def is_depthwise(step: Step) -> bool:
    """Return whether a step convolves each channel by itself."""
    operation = step.operation
    return isinstance(operation, keras.layers.DepthwiseConv2D) and operation.depth_multiplier == 1


def keeps_one_pixel(step: Step) -> bool:
    """Return whether a step only adds or removes the axes of a single pixel: (1, 1, c) to (c,)."""
    shapes = [[side for side in shape if side != 1] for shape in (step.input_shape, step.shape)]
    return isinstance(step.operation, keras.layers.Reshape) and (
        shapes[0] == shapes[1] and len(shapes[0]) == 1 and step.shape[-1] == step.input_shape[-1]
    )


def channel_groups(network: StepList) -> ChannelGroups:
    """Return the channels of every tensor of a network.

    Args:
        network: The steps of a network.

    Raises:
        NotPairedError: If an operation treats channels in a way that is not known here.
    """
    groups = ChannelGroups({network.input: network.input})
    pixels = {network.input}  # what is computed of images before the first kernel
    for step in network.steps:
        output = step.outputs[0]
        groups.of[output] = output
        if pixels.issuperset(step.inputs) and not is_kernel(step) and not step.has_weights:
            # The preprocessing: no channel of an image is left out, whatever happens to them.
            pixels |= set(step.outputs)
            if not isinstance(step.operation, keras.layers.Flatten):
                groups.of.update(dict.fromkeys(step.outputs, network.input))
                continue
        if is_kernel(step):
            _check_kernel(step.operation)
            continue
        last = output == network.output and is_softmax(step.operation)
        if not (last or _keeps_channels(step)):
            raise NotPairedError(f"{step.operation.name} may mix channels")
        for source in step.inputs:
            groups.join(source, output)
        source = step.inputs[0]
        if isinstance(step.operation, keras.layers.Flatten) and len(step.input_shape) > 1:
            groups.flattened[output] = groups.flattened.get(source, source)
        elif source in groups.flattened:
            groups.flattened[output] = groups.flattened[source]
    return groups


def _check_kernel(layer: Any) -> None:
    if getattr(layer, "groups", 1) != 1:
        raise NotPairedError(f"{layer.name} is a convolution in groups")


def _keeps_channels(step: Step) -> bool:
    operation = step.operation
    if isinstance(operation, keras.layers.BatchNormalization) or is_depthwise(step):
        return True
    if keeps_one_pixel(step):
        return True
    if isinstance(operation, keras.layers.Rescaling):  # a list has one value for each channel
        return np.size(operation.scale) == np.size(operation.offset) == 1
    kind = kind_of(operation)
    if kind.same_for_any_width or kind.identity_in_inference or kind.preprocessing:
        return True
    return canonical_name(operation).lower() in _ELEMENTWISE
