"""Whether two parts of networks compute the same function of their weights."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from dfad_tf.compute.keras_internals import call_arguments, is_symbolic
from dfad_tf.graphs.layer_table import kind_of
from dfad_tf.graphs.steps import Step, run_steps

# Entries of a config that do not change what a layer computes in inference.
_FREE = ("name", "dtype", "trainable", "momentum", "synchronized", "seed", "build_config")
_FREE_ENDINGS = ("_initializer", "_regularizer", "_constraint")
_SYMMETRIC = ("add", "multiply", "maximum", "minimum", "average")
_JOINS = ("add",)


class Signature(NamedTuple):
    """What a part of a network computes, apart from the values of its weights.

    Attributes:
        key: Equal for parts that compute the same function of their input and weights.
        kinds: The classes, kernel sizes and strides of its layers with weights; equal for parts
            that differ in their widths only.
        layers: Its layers with weights. Layers at the same position of parts with equal keys
            correspond to each other.
    """

    key: str
    kinds: tuple[str, ...]
    layers: tuple[keras.layers.Layer, ...]


def sign(
    steps: Sequence[Step],
    entry: int,
    output: int,
    is_head: bool = False,
    by_effect: bool = False,
) -> Signature:
    """Return the signature of a part of a network.

    Names, initializers and the order of the inputs of an addition do not matter. Neither do
    layers that do nothing in inference, such as Dropout, and a softmax of the head.

    Args:
        steps: Its steps, in their order.
        entry: Number of the tensor that it reads.
        output: Number of the tensor that it returns.
        is_head: Whether the last step returns the logits.
        by_effect: Whether a shortcut without trained weights is known by its effect. The
            shortcut that subsamples and adds channels of zeros is written in many ways: with
            pooling and padding, with slices, or as a convolution with a kernel of zeros and ones.
    """
    keys = {entry: "input"}
    order: dict[int, list[Step]] = {entry: []}  # the steps with weights behind each tensor
    for step in steps:
        inputs = list(step.inputs)
        name = canonical_name(step.operation)
        if kind_of(step.operation).identity_in_inference:
            keys[step.outputs[0]], order[step.outputs[0]] = keys[inputs[0]], order[inputs[0]]
            continue
        if by_effect and name in _JOINS:
            for number in inputs:
                effect = _fixed_effect(steps, entry, number, order[number])
                if effect is not None:
                    keys[number], order[number] = effect, []  # nothing to inherit
        if name in _SYMMETRIC:
            inputs.sort(key=lambda number: keys[number])
        found = [s for number in inputs for s in order[number]]
        found = list(dict.fromkeys([*found, step] if step.has_weights else found))
        token = [name, _settings(step, is_head and step is steps[-1]), _constants(step)]
        if name in _SYMMETRIC:
            token = [name]
        text = json.dumps([*token, *(keys[number] for number in inputs)], default=repr)
        for place, number in enumerate(step.outputs):
            keys[number] = hashlib.sha256(f"{text}{place}".encode()).hexdigest()
            order[number] = found
    layers = tuple(step.operation for step in order[output])
    shapes = (steps[0].input_shape, steps[-1].shape)
    return Signature(f"{keys[output]} {shapes}", tuple(map(_kind, layers)), layers)


def _fixed_effect(
    steps: Sequence[Step], entry: int, output: int, weighted: list[Step]
) -> str | None:
    """Return a key of what a path does to numbers; None if it has trained weights."""
    shape = [size for size in steps[0].input_shape if size is not None]
    known = len(shape) == len(steps[0].input_shape)
    if output == entry or not known or not all(_selects_channels(step) for step in weighted):
        return None
    # Integers stay exact in sums, whatever the order of the additions.
    numbers = np.random.default_rng(0).integers(-99, 99, (1, *shape)).astype("float32")
    result = run_steps(steps, {entry: tf.constant(numbers)}, [output])[output]
    rounded = np.round(np.asarray(result, np.float32), 3) + 0.0  # no negative zeros
    return hashlib.sha256(rounded.tobytes()).hexdigest()


def _selects_channels(step: Step) -> bool:
    """Return whether a layer with weights is a convolution that only moves channels."""
    layer = step.operation
    if not isinstance(layer, keras.layers.Conv2D) or layer.use_bias or layer.kernel_size != (1, 1):
        return False
    kernel = np.asarray(layer.get_weights()[0])
    return bool(np.isin(kernel, (0.0, 1.0)).all() and (kernel.sum((0, 1, 2)) <= 1).all())


def canonical_name(operation: Any) -> str:
    """Name an operation; layers and operations of the same function have the same name."""
    if isinstance(operation, keras.layers.ReLU):
        config = operation.get_config()
        plain = not config.get("negative_slope") and not config.get("threshold")
        if plain and config.get("max_value") in (None, 6.0):
            return "relu" if config.get("max_value") is None else "relu6"
    if isinstance(operation, keras.layers.Activation):
        name = getattr(operation.activation, "__name__", "")
        if name in ("relu", "relu6"):
            return name
    name = type(operation).__name__
    symmetric = name.lower() in _SYMMETRIC or name.lower() in ("relu", "relu6")
    return name.lower() if symmetric and not isinstance(operation, keras.layers.ReLU) else name


def _settings(step: Step, is_head: bool) -> dict[str, Any]:
    """Return the entries of a config that change the function, and the shapes of the weights."""
    operation = step.operation
    if canonical_name(operation) in ("relu", "relu6"):
        return {}
    config = {}
    if isinstance(operation, keras.layers.Layer):  # an operation has its arguments instead
        config = {
            key: value
            for key, value in operation.get_config().items()
            if key not in _FREE and not key.endswith(_FREE_ENDINGS)
        }
    axis = config.get("axis")
    if axis is not None and np.array_equal(axis, len(step.shape)):
        config["axis"] = -1
    if is_head and config.get("activation") == "softmax":
        config["activation"] = "linear"  # distillation compares logits
    config["weights"] = [tuple(weight.shape) for weight in getattr(operation, "weights", ())]
    return config


def _constants(step: Step) -> list[Any]:
    """Return the arguments of a call that are not tensors of the graph."""
    args, kwargs = call_arguments(step.call)
    named = {key: value for key, value in kwargs.items() if key not in ("training", "mask")}
    values = []
    for value in tf.nest.flatten([list(args), named]):
        if is_symbolic(value):
            values.append("tensor")
        elif isinstance(value, (np.ndarray, tf.Tensor)):
            values.append(np.asarray(value).tolist())
        else:
            values.append(repr(value))
    if not isinstance(step.operation, keras.layers.Layer):
        public = {k: v for k, v in vars(step.operation).items() if not k.startswith("_")}
        values += [f"{key}={public[key]!r}" for key in sorted(public) if key != "name"]
    return values


def _kind(layer: keras.layers.Layer) -> str:
    size, strides = getattr(layer, "kernel_size", None), getattr(layer, "strides", None)
    return f"{type(layer).__name__} {size} {strides}"
