"""Layers without a kernel, from the operations of a frozen graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dfad_tf.teachers.graph_layers.frozen_graph import (
    RESHAPING,
    FrozenGraph,
    UnreadableGraphError,
    attribute,
    source,
)
from dfad_tf.teachers.graph_layers.kernels import KERNELS

Operation = Callable[..., Any]

_ACTIVATIONS = {
    "Elu": "elu",
    "Selu": "selu",
    "Sigmoid": "sigmoid",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "Tanh": "tanh",
}
_FUNCTIONS: dict[str, Operation] = {
    "Abs": keras.ops.abs,
    "Exp": keras.ops.exp,
    "Maximum": keras.ops.maximum,
    "Minimum": keras.ops.minimum,
    "Rsqrt": keras.ops.rsqrt,
    "Sqrt": keras.ops.sqrt,
    "Square": keras.ops.square,
}
_ARITHMETIC: dict[str, Operation] = {
    "Add": keras.ops.add,
    "AddV2": keras.ops.add,
    "BiasAdd": keras.ops.add,
    "Mul": keras.ops.multiply,
    "RealDiv": keras.ops.divide,
    "Sub": keras.ops.subtract,
}
_MERGING = {
    "Add": keras.layers.Add,
    "AddV2": keras.layers.Add,
    "Maximum": keras.layers.Maximum,
    "Minimum": keras.layers.Minimum,
    "Mul": keras.layers.Multiply,
    "Sub": keras.layers.Subtract,
}
_POOLING = {"AvgPool": keras.layers.AveragePooling2D, "MaxPool": keras.layers.MaxPooling2D}
_GLOBAL = {"Mean": keras.layers.GlobalAveragePooling2D, "Max": keras.layers.GlobalMaxPooling2D}
_RESIZING = {"ResizeBilinear": "bilinear", "ResizeNearestNeighbor": "nearest"}
# The other inputs are the kernel, or depend on the shape of the first.
_OF_ONE_TENSOR = ("StridedSlice", *RESHAPING, *KERNELS)
_KNOWN = {
    *(*_ACTIVATIONS, *_FUNCTIONS, *_ARITHMETIC, *_MERGING, *_POOLING, *_GLOBAL, *_RESIZING),
    *("Relu", "Relu6", "LeakyRelu", "Softmax", "Pad", "PadV2", "ConcatV2", "Neg"),
    *_OF_ONE_TENSOR,
}


def operands(graph: FrozenGraph, operation: tf.Operation) -> list[tf.Tensor]:
    """Return the inputs of an operation that depend on the images, without those for shapes.

    Args:
        graph: The graph.
        operation: An operation.

    Raises:
        UnreadableGraphError: If no layer is known for the operation.
    """
    if operation.type not in _KNOWN:
        raise UnreadableGraphError(operation.type)
    inputs = list(operation.inputs)
    kept = inputs[:1] if operation.type in _OF_ONE_TENSOR else inputs
    return [tensor for tensor in kept if not graph.is_constant(tensor)]


def layer_for(
    graph: FrozenGraph, operation: tf.Operation, tensors: Sequence[Any], name: str
) -> Any:
    """Apply the layer that computes an operation.

    Args:
        graph: The graph.
        operation: The operation.
        tensors: What its `operands` are in the network of layers.
        name: Name of the layer.

    Returns:
        A symbolic tensor.

    Raises:
        UnreadableGraphError: If no layer of Keras is known to compute the operation.
    """
    kind, first = operation.type, tensors[0]
    shape = operation.outputs[0].shape
    if kind in _ACTIVATIONS:
        return keras.layers.Activation(_ACTIVATIONS[kind], name=name)(first)
    if kind in ("Relu", "Relu6"):
        return keras.layers.ReLU(6.0 if kind == "Relu6" else None, name=name)(first)
    if kind == "LeakyRelu":
        return keras.layers.LeakyReLU(attribute(operation, "alpha"), name=name)(first)
    if kind == "Softmax":
        return keras.layers.Softmax(name=name)(first)
    if kind in RESHAPING:
        return _reshaped(operation, first, name)
    if kind in _POOLING:
        return _pooling(operation, name)(first)
    if kind in _GLOBAL:
        return _global_pooling(graph, operation, name)(first)
    if kind in ("Pad", "PadV2"):
        return _zero_padding(graph, operation, name)(first)
    if kind in _RESIZING and attribute(operation, "half_pixel_centers"):
        return keras.layers.Resizing(*shape[1:3], _RESIZING[kind], name=name)(first)
    if kind == "ConcatV2" and len(tensors) == len(operation.inputs) - 1:
        axis = int(graph.value(operation.inputs[-1]))
        return keras.layers.Concatenate(axis, name=name)(list(tensors))
    if kind == "StridedSlice":
        return first[_index(graph, operation)]
    gate = _gate(operation) if kind == "Mul" and len(tensors) == 2 else None
    if gate is not None:
        return keras.layers.Activation("silu", name=name)(tensors[1 - gate])
    if kind in _MERGING and len(tensors) == 2:
        return _MERGING[kind](name=name)(list(tensors))
    if kind in _ARITHMETIC or kind in _FUNCTIONS:
        return _with_constant(graph, operation, tensors, name)
    if kind == "Neg":
        return keras.layers.Rescaling(-1.0, name=name)(first)
    raise UnreadableGraphError(kind)


def _reshaped(operation: tf.Operation, tensor: Any, name: str) -> Any:
    """Reshape each image by itself, as far as the shapes show that the operation does so."""
    before, after = operation.inputs[0].shape, operation.outputs[0].shape
    sizes = [None if shape.rank is None else shape[1:].num_elements() for shape in (before, after)]
    if None in sizes or sizes[0] != sizes[1] or after[0] is not None:
        raise UnreadableGraphError(f"{operation.type} across images")
    if after.rank == 2 and before.rank > 2:
        return keras.layers.Flatten(name=name)(tensor)
    return keras.layers.Reshape(tuple(after[1:]), name=name)(tensor)


def _pooling(operation: tf.Operation, name: str) -> keras.layers.Layer:
    size, strides = attribute(operation, "ksize"), attribute(operation, "strides")
    padding = attribute(operation, "padding")
    of_images = attribute(operation, "data_format") == "NHWC" and size[0] == size[3] == 1
    if not of_images or padding == "EXPLICIT":
        raise UnreadableGraphError(f"{operation.type} of other axes")
    return _POOLING[operation.type](size[1:3], strides[1:3], padding.lower(), name=name)


def _global_pooling(graph: FrozenGraph, operation: tf.Operation, name: str) -> keras.layers.Layer:
    rank = operation.inputs[0].shape.rank
    axes = sorted(int(axis) % rank for axis in graph.value(operation.inputs[1]).ravel())
    if rank != 4 or axes != [1, 2]:
        raise UnreadableGraphError(f"{operation.type} over other axes than height and width")
    return _GLOBAL[operation.type](keepdims=bool(attribute(operation, "keep_dims")), name=name)


def _zero_padding(graph: FrozenGraph, operation: tf.Operation, name: str) -> keras.layers.Layer:
    sides = graph.value(operation.inputs[1])
    value = graph.value(operation.inputs[2]) if len(operation.inputs) > 2 else 0
    if sides.shape != (4, 2) or sides[[0, 3]].any() or np.any(value):
        raise UnreadableGraphError(f"{operation.type} of other axes, or with other values than 0")
    return keras.layers.ZeroPadding2D(sides[1:3].tolist(), name=name)


def _index(graph: FrozenGraph, operation: tf.Operation) -> tuple[Any, ...]:
    """Return the index of a slice: `images[index]`."""
    masks = {
        name: attribute(operation, f"{name}_mask")
        for name in ("begin", "end", "shrink_axis", "ellipsis", "new_axis")
    }
    if masks["ellipsis"] not in (0, 1) or masks["new_axis"]:
        raise UnreadableGraphError("StridedSlice with new axes")
    if not all(map(graph.is_constant, operation.inputs[1:])):
        raise UnreadableGraphError("StridedSlice with an index that is computed")
    index: list[Any] = []
    for place, (begin, end, step) in enumerate(
        zip(*(graph.value(tensor).tolist() for tensor in operation.inputs[1:]), strict=True)
    ):
        bit = 1 << place
        if masks["ellipsis"] & bit:
            index.append(Ellipsis)
        elif masks["shrink_axis"] & bit:
            index.append(begin)
        else:
            first, last = (
                None if masks[name] & bit else value
                for name, value in (("begin", begin), ("end", end))
            )
            index.append(slice(first, last, step))
    if index and index[0] not in (Ellipsis, slice(None), slice(None, None, 1)):
        raise UnreadableGraphError("StridedSlice of the batch")
    return tuple(index)


def _gate(operation: tf.Operation) -> int | None:
    """Return the place of the factor `sigmoid(x)` in `x * sigmoid(x)`; None in other products."""
    inputs = [source(tensor) for tensor in operation.inputs]
    for place, tensor in enumerate(inputs):
        if tensor.op.type == "Sigmoid":
            inside = source(tensor.op.inputs[0])
            if _scaled_by_one(inside).name == inputs[1 - place].name:
                return place
    return None


def _scaled_by_one(tensor: tf.Tensor) -> tf.Tensor:
    """Return x of `1.0 * x`, as `tf.nn.silu` writes it."""
    if tensor.op.type == "Mul":
        for one, other in ((0, 1), (1, 0)):
            value = tf.get_static_value(tensor.op.inputs[one])
            if value is not None and np.all(value == 1):
                return source(tensor.op.inputs[other])
    return tensor


def _with_constant(
    graph: FrozenGraph, operation: tf.Operation, tensors: Sequence[Any], name: str
) -> Any:
    """Apply arithmetic of a tensor and a constant: a rescaling of the channels where it is one."""
    kind, inputs = operation.type, list(operation.inputs)
    constants = [graph.value(tensor) for tensor in inputs if graph.is_constant(tensor)]
    reversed_order = graph.is_constant(inputs[0])
    channels = operation.outputs[0].shape[-1]
    if kind in _ARITHMETIC and constants and not (reversed_order and kind == "RealDiv"):
        value = constants[0].astype("float64")
        if kind == "RealDiv" and not value.all():
            raise UnreadableGraphError("a division by 0")
        # Behind the images, a narrower student has other channels.
        of_images = operation.outputs[0].shape[1:] == graph.image_shape
        if value.size == 1 or (of_images and value.shape == (channels,)):
            factor = value.ravel().tolist() if value.size > 1 else float(value.ravel()[0])
            return _rescaling(kind, factor, reversed_order, name)(tensors[0])
    left, values = iter(tensors), []
    for tensor in inputs:
        if graph.is_constant(tensor):
            value = graph.value(tensor)
            values.append(float(value.item()) if value.size == 1 else value)
        else:
            values.append(next(left))
    return {**_ARITHMETIC, **_FUNCTIONS}[kind](*values)


def _rescaling(kind: str, value: Any, reversed_order: bool, name: str) -> keras.layers.Layer:
    array = np.asarray(value)
    if kind == "Mul":
        return keras.layers.Rescaling(value, name=name)
    if kind == "RealDiv":
        return keras.layers.Rescaling((1 / array).tolist(), name=name)
    if kind == "Sub" and reversed_order:
        return keras.layers.Rescaling(-1.0, offset=value, name=name)
    offset = (-array).tolist() if kind == "Sub" else value
    return keras.layers.Rescaling(1.0, offset=offset, name=name)
