"""Layers with a kernel, from the operations of a frozen graph."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dfad_tf.teachers.graph_layers.frozen_graph import (
    FrozenGraph,
    UnreadableGraphError,
    attribute,
    readers,
)

KERNELS = ("Conv2D", "DepthwiseConv2dNative", "MatMul")
_SUMS = ("BiasAdd", "Add", "AddV2")


def bias_of(graph: FrozenGraph, kernel: tf.Operation) -> tuple[tf.Operation, np.ndarray] | None:
    """Return the addition of a bias behind an operation with a kernel, and the bias.

    Args:
        graph: The graph.
        kernel: The operation with a kernel.

    Returns:
        The addition and the bias, `(channels,)`; None if something else reads the result as well,
        or no bias is added.
    """
    following = readers(kernel.outputs[0])
    if len(following) != 1 or following[0].type not in _SUMS:
        return None
    others = [tensor for tensor in following[0].inputs if graph.is_constant(tensor)]
    if len(others) != 1:
        return None
    value = graph.value(others[0])
    channels = kernel.outputs[0].shape[-1]
    if value.size != channels or value.shape[-1:] != (channels,):
        return None
    return following[0], value.ravel()


def padding_name(name: str) -> str:
    """Return the name of the padding in front of a layer."""
    return f"{name}_padding"


def kernel_layer(
    graph: FrozenGraph, operation: tf.Operation, bias: np.ndarray | None, name: str
) -> tuple[list[keras.layers.Layer], list[np.ndarray]]:
    """Create the layers that compute an operation with a kernel.

    Args:
        graph: The graph.
        operation: One of the `KERNELS`.
        bias: `(channels,)`; None without.
        name: Name of the layer.

    Returns:
        The layers, of which only the last has weights, and these weights.

    Raises:
        UnreadableGraphError: If no layer of Keras computes the operation.
    """
    if not graph.is_constant(operation.inputs[1]):
        raise UnreadableGraphError(f"{operation.type} with a kernel that is computed")
    kernel = graph.value(operation.inputs[1])
    if kernel.dtype != np.float32:
        raise UnreadableGraphError(f"{operation.type} in {kernel.dtype}")
    with_bias = bias is not None
    weights = [] if bias is None else [bias]
    if operation.type == "MatMul":
        if attribute(operation, "transpose_a") or operation.inputs[0].shape.rank != 2:
            raise UnreadableGraphError("MatMul of other tensors than (batch, features)")
        kernel = kernel.T if attribute(operation, "transpose_b") else kernel
        dense = keras.layers.Dense(kernel.shape[1], use_bias=with_bias, name=name)
        return [dense], [kernel, *weights]
    if attribute(operation, "data_format") != "NHWC":
        raise UnreadableGraphError(f"{operation.type} with the channels first")
    padded, arguments = _padding(operation, name)
    arguments.update(
        kernel_size=kernel.shape[:2],
        strides=tuple(attribute(operation, "strides")[1:3]),
        dilation_rate=tuple(attribute(operation, "dilations")[1:3]),
        use_bias=with_bias,
        name=name,
    )
    if operation.type == "Conv2D":
        groups = operation.inputs[0].shape[-1] // kernel.shape[2]
        layer = keras.layers.Conv2D(kernel.shape[3], groups=groups, **arguments)
    else:
        layer = keras.layers.DepthwiseConv2D(depth_multiplier=kernel.shape[3], **arguments)
    return [*padded, layer], [kernel, *weights]


def _padding(operation: tf.Operation, name: str) -> tuple[list[keras.layers.Layer], dict[str, Any]]:
    """Return the argument `padding` of a convolution, and a layer in front of it if need be."""
    kind = attribute(operation, "padding")
    if kind != "EXPLICIT":
        return [], {"padding": kind.lower()}
    sides = np.reshape(attribute(operation, "explicit_paddings"), (4, 2))
    layer = keras.layers.ZeroPadding2D(sides[1:3].tolist(), name=padding_name(name))
    return [layer], {"padding": "valid"}
