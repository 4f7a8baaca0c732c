"""Count the multiply-adds of any model from the operations that it runs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

_CONVOLUTIONS = ("Conv2D", "DepthwiseConv2dNative", "Conv3D")
_PRODUCTS = ("MatMul", "BatchMatMulV2")


def multiply_adds(model: keras.Model) -> int:
    """Count the multiply-adds of one example through a model.

    Convolutions and matrix products count; biases, activations, pooling and
    normalization do not, as in published tables. The model is traced once with
    a batch of one, so a reloaded SavedModel with an `input_shape` is accepted too.

    Args:
        model: A Keras model with one input and static shapes.

    Returns:
        Multiply-adds for one example.

    Example:

    >>> multiply_adds(models.build("lenet5", (32, 32, 1), 10))
    416520
    """
    shape = (1, *model.input_shape[1:])

    @tf.function(autograph=False)
    def forward(inputs: tf.Tensor) -> Any:
        return model(inputs, training=False)

    concrete = forward.get_concrete_function(tf.TensorSpec(shape, tf.float32))
    return sum(_count(operation) for operation in _operations(concrete.graph))


def _operations(graph: tf.Graph) -> Iterator[tf.Operation]:
    """Yield the operations of a graph, and those of a function once for each call of it."""
    for operation in graph.get_operations():
        yield operation
        if operation.type in ("PartitionedCall", "StatefulPartitionedCall"):
            called = operation.get_attr("f").name
            yield from _operations(graph._get_function(called).graph)


def _count(operation: tf.Operation) -> int:
    if operation.type in _CONVOLUTIONS:
        kernel = operation.inputs[1].shape.as_list()
        output = _size(operation.outputs[0])
        # A depthwise kernel multiplies one input channel for each output value.
        taps = math.prod(kernel[:-2]) * (1 if operation.type.startswith("Depth") else kernel[-2])
        return output * taps
    if operation.type == "Conv2DBackpropInput":
        kernel = operation.inputs[1].shape.as_list()
        return _size(operation.inputs[2]) * math.prod(kernel[:3])
    if operation.type == "Einsum":
        terms = operation.get_attr("equation").decode().split("->")[0].split(",")
        sizes = {
            index: side or 1
            for term, tensor in zip(terms, operation.inputs, strict=True)
            for index, side in zip(term, tensor.shape.as_list(), strict=False)
        }
        return math.prod(sizes.values())
    if operation.type in _PRODUCTS:
        left = operation.inputs[0].shape.as_list()
        inner = left[-2] if operation.get_attr(_transposed(operation.type)) else left[-1]
        return _size(operation.outputs[0]) * inner
    return 0


def _size(tensor: tf.Tensor) -> int:
    """Return the number of values of one example: a batch of unknown size counts as one."""
    return math.prod(side or 1 for side in tensor.shape.as_list())


def _transposed(kind: str) -> str:
    return "transpose_a" if kind == "MatMul" else "adj_x"
