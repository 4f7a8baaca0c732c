"""Operations on tensors that Keras 2 recorded between two layers, as operations of Keras 3."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from dfad_tf.teachers.keras2.layers import OTHER_WAY
from dfad_tf.utils.errors import InputError

Operation = Callable[..., Any]

OPERATION_LAYERS = ("TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer")
# By the name in TensorFlow's Python interface, without the module `tf`.
_FUNCTIONS: dict[str, Operation] = {
    "__operators__.add": keras.ops.add,
    "math.add": keras.ops.add,
    "math.subtract": keras.ops.subtract,
    "math.multiply": keras.ops.multiply,
    "math.divide": keras.ops.divide,
    "math.truediv": keras.ops.divide,
    "math.maximum": keras.ops.maximum,
    "math.minimum": keras.ops.minimum,
    "math.sigmoid": keras.ops.sigmoid,
    "math.tanh": keras.ops.tanh,
    "math.square": keras.ops.square,
    "math.negative": keras.ops.negative,
    "math.reduce_mean": keras.ops.mean,
    "math.reduce_max": keras.ops.max,
    "nn.relu": keras.ops.relu,
    "nn.relu6": keras.ops.relu6,
    "nn.silu": keras.ops.silu,
    "nn.swish": keras.ops.silu,
    "nn.softmax": keras.ops.softmax,
    "nn.sigmoid": keras.ops.sigmoid,
    "nn.bias_add": keras.ops.add,
    "clip_by_value": keras.ops.clip,
    "expand_dims": keras.ops.expand_dims,
    "squeeze": keras.ops.squeeze,
    "reshape": keras.ops.reshape,
    "cast": keras.ops.cast,
}
# By the type of an operation of a TensorFlow graph.
_GRAPH_FUNCTIONS: dict[str, Operation] = {
    "Add": keras.ops.add,
    "AddV2": keras.ops.add,
    "BiasAdd": keras.ops.add,
    "Sub": keras.ops.subtract,
    "Mul": keras.ops.multiply,
    "RealDiv": keras.ops.divide,
    "Relu": keras.ops.relu,
    "Relu6": keras.ops.relu6,
    "Sigmoid": keras.ops.sigmoid,
    "Softmax": keras.ops.softmax,
}
# Names of further arguments where Keras 3 has others.
_ARGUMENTS = {"keepdims": "keepdims", "axis": "axis", "dtype": "dtype", "shape": "newshape"}
_IGNORED = ("name", "data_format")


def apply_operation(kind: str, config: dict[str, Any], inputs: Sequence[Any], more: Any) -> Any:
    """Apply an operation to tensors.

    Args:
        kind: A name of `OPERATION_LAYERS`.
        config: The configuration of the layer that recorded the operation.
        inputs: The tensors, and numbers in their place, in the order of the operation.
        more: Further arguments by name, in which references are replaced by tensors.

    Returns:
        A tensor.

    Raises:
        InputError: If the operation is not known.

    Example:

    >>> image = keras.Input((8, 8, 1))
    >>> apply_operation("TFOpLambda", {"function": "math.multiply"}, [image], {"y": 2.0}).shape
    (None, 8, 8, 1)
    """
    if kind == "TensorFlowOpLayer":
        return _graph_operation(config, inputs)
    function = config.get("function", "")
    if kind == "SlicingOpLambda" and function == "__operators__.getitem":
        return inputs[0][tuple(_index(part) for part in _as_list(more["slice_spec"]))]
    if function not in _FUNCTIONS:
        raise _unknown(function, config)
    operands, named = list(inputs), {}
    for key, value in more.items():
        if key in _IGNORED:
            continue
        if key in _ARGUMENTS:
            named[_ARGUMENTS[key]] = value
        else:  # y, bias, clip_value_min, …: further operands, in their order
            operands.append(np.asarray(value, "float32") if isinstance(value, list) else value)
    return _FUNCTIONS[function](*operands, **named)


def _graph_operation(config: dict[str, Any], inputs: Sequence[Any]) -> Any:
    definition = config.get("node_def", {})
    definition = json.loads(definition) if isinstance(definition, str) else definition
    kind = definition.get("op", "")
    if kind not in _GRAPH_FUNCTIONS:
        raise _unknown(kind, config)
    operands = list(inputs)
    for place, value in sorted((int(key), v) for key, v in config.get("constants", {}).items()):
        operands.insert(place, value)
    return _GRAPH_FUNCTIONS[kind](*operands)


def _index(part: Any) -> Any:
    """Return a part of an index in brackets."""
    if not isinstance(part, dict):
        return part
    if "class_name" in part:
        return Ellipsis if part["class_name"] == "__ellipsis__" else None
    return slice(part.get("start"), part.get("stop"), part.get("step"))


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _unknown(function: str, config: dict[str, Any]) -> InputError:
    return InputError(
        f"Expected operations of Keras 2 that can be read. Received: {function!r} in the layer "
        f"{config.get('name')!r}; {OTHER_WAY}"
    )
