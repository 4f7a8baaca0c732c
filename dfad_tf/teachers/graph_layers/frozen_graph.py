"""A frozen graph from images to logits: what depends on the images, and what is constant."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

# Operations that return their input, as far as inference is concerned.
PASSING = (
    *("Identity", "IdentityN", "StopGradient", "PreventGradient"),
    *("CheckNumerics", "EnsureShape"),
)

# Operations that only change the shape of their first input.
RESHAPING = ("Reshape", "Squeeze", "ExpandDims")


class UnreadableGraphError(Exception):
    """An operation that no layer computes, named in the message."""


class FrozenGraph:
    """What is asked about the operations of a frozen graph.

    Args:
        images: The tensor that takes the images.

    Attributes:
        image_shape: Shape of an image.
    """

    def __init__(self, images: tf.Tensor) -> None:
        self.image_shape = images.shape[1:]
        self._dependent = {images.name}
        waiting = [images]
        while waiting:
            for operation in waiting.pop().consumers():
                fresh = [out for out in operation.outputs if out.name not in self._dependent]
                self._dependent.update(out.name for out in fresh)
                waiting += fresh

    def is_constant(self, tensor: tf.Tensor) -> bool:
        """Return whether a tensor is the same for all images."""
        return tensor.name not in self._dependent

    def value(self, tensor: tf.Tensor) -> np.ndarray:
        """Return the value of a constant tensor.

        Raises:
            UnreadableGraphError: If it is not the same each time it is computed.
        """
        tensor = source(tensor)
        found = tf.get_static_value(tensor)
        if found is None and tensor.op.type in RESHAPING and tensor.shape.is_fully_defined():
            found = np.reshape(self.value(tensor.op.inputs[0]), tensor.shape)
        if found is None:  # a session is slow: it copies the graph
            _check_repeatable(tensor)
            with tf.compat.v1.Session(graph=tensor.graph) as session:
                found = session.run(tensor)
        return np.asarray(found)


def _check_repeatable(tensor: tf.Tensor) -> None:
    """Refuse what depends on random numbers or on a state."""
    seen, waiting = {tensor.op.name}, [tensor.op]
    while waiting:
        operation = waiting.pop()
        if operation.op_def.is_stateful:
            raise UnreadableGraphError(f"{operation.type}, which is not the same each time")
        for each in operation.inputs:
            if each.op.name not in seen:
                seen.add(each.op.name)
                waiting.append(each.op)


def source(tensor: tf.Tensor) -> tf.Tensor:
    """Return the tensor that reaches a place unchanged, through operations that pass it on."""
    while True:
        operation = tensor.op
        if operation.type in PASSING:
            tensor = operation.inputs[tensor.value_index]
        elif operation.type == "Cast" and operation.inputs[0].dtype == tensor.dtype:
            tensor = operation.inputs[0]
        else:
            return tensor


def readers(tensor: tf.Tensor) -> list[tf.Operation]:
    """Return the operations that compute with a tensor, and do not only ask for its shape."""
    return [operation for operation in tensor.consumers() if operation.type != "Shape"]


def attribute(operation: tf.Operation, name: str) -> Any:
    """Return an attribute of an operation, as text where TensorFlow has bytes."""
    value = operation.get_attr(name)
    return value.decode() if isinstance(value, bytes) else value
