"""Layers of Keras 2, created from their configurations as layers of Keras 3."""

from __future__ import annotations

import inspect
from typing import Any

import keras

from dfad_tf.utils.errors import InputError

Config = dict[str, Any]

OTHER_WAY = "export the model as a SavedModel and load that instead."

# Of no use to a trained model: the weights of the file replace the initial ones.
_TRAINING_ONLY = ("_initializer", "_regularizer", "_constraint")
# Read elsewhere (the shapes), or left to this package (the precision).
_SHAPES = ("batch_input_shape", "batch_shape", "input_shape", "build_input_shape")
_DROPPED = (
    *_SHAPES,
    "dtype",
    "input_dim",
    "input_length",
    "module",
    "shared_object_id",
)
# Names of Keras 2 whose function has another name, by what Keras 3 calls it.
_ACTIVATIONS = {
    "softmax_v2": "softmax",
    "swish": "silu",
    "relu_v2": "relu",
    "sigmoid_v2": "sigmoid",
}
# Keras 3 computes another function under this name: relu6(x + 3) / 6 instead of 0.2·x + 0.5.
_CHANGED = "hard_sigmoid"
_HARMLESS: tuple[Any, ...] = (None, False, [], {})
_HARMLESS_VALUES = {"groups": 1, "implementation": 1, "rng_type": "stateful"}
_RENAMED = {"LeakyReLU": {"alpha": "negative_slope"}}
_NESTED_CLASSES = ("BatchNormalizationV1", "BatchNormalizationV2")


def create_layer(kind: str, config: Config) -> keras.layers.Layer:
    """Create a layer of Keras 3 from its class and its configuration in Keras 2.

    Args:
        kind: Name of the class.
        config: The configuration. It does not change.

    Returns:
        A layer without weights.

    Raises:
        InputError: If Keras 3 has no such layer, or none with these settings.

    Example:

    >>> create_layer("DepthwiseConv2D", {"kernel_size": [3, 3], "groups": 1}).kernel_size
    (3, 3)
    """
    kind = "BatchNormalization" if kind in _NESTED_CLASSES else kind
    name = config.get("name", kind)
    found = getattr(keras.layers, kind, None)
    if not (inspect.isclass(found) and issubclass(found, keras.layers.Layer)):
        raise InputError(
            f"Expected layers of Keras. Received: the layer {name!r} of class {kind!r}; if it is a "
            f"custom layer, {OTHER_WAY}"
        )
    if kind == "Lambda":
        raise InputError(
            f"Expected layers without Python code. Received: the Lambda layer {name!r} of a file "
            f"of Keras 2; {OTHER_WAY}"
        )
    renamed = _RENAMED.get(kind, {})
    known, arguments = _known_arguments(found), {}
    for key, value in config.items():
        key = renamed.get(key, key)
        if key in _DROPPED or key.endswith(_TRAINING_ONLY):
            continue
        if key in known:
            arguments[key] = _value(key, value, name)
        elif value not in _HARMLESS and _HARMLESS_VALUES.get(key) != value:
            raise InputError(
                f"Expected settings that Keras 3 knows. Received: {key}={value!r} of the layer "
                f"{name!r} ({kind}); {OTHER_WAY}"
            )
    if "name" in arguments:
        arguments["name"] = valid_name(arguments["name"])
    try:
        return found(**arguments)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"Expected settings of the layer {name!r} ({kind}) that Keras 3 knows. {error}"
        ) from error


def valid_name(name: str) -> str:
    """Return a name without the slashes that Keras 2 allowed.

    Example:

    >>> valid_name("conv1/bn")
    'conv1_bn'
    """
    return name.replace("/", "_")


def _known_arguments(layer: type[keras.layers.Layer]) -> set[str]:
    """Return the names that a layer's constructor and those of its parents take."""
    names = {"name", "trainable"}
    for parent in layer.__mro__:
        if "__init__" in vars(parent) and issubclass(parent, keras.layers.Layer):
            names |= set(inspect.signature(vars(parent)["__init__"]).parameters)
    return names - {"self", "args", "kwargs"}


def _value(key: str, value: Any, layer: str) -> Any:
    if key in ("activation", "recurrent_activation"):
        return _activation(value, layer)
    if key == "axis" and isinstance(value, list) and len(value) == 1:
        return value[0]
    if isinstance(value, dict) and value.get("class_name") == "__tuple__":
        return tuple(value["items"])
    return value


def _activation(value: Any, layer: str) -> Any:
    """Return an activation by its name, or as a layer."""
    if isinstance(value, dict):
        config = value.get("config")
        if isinstance(config, dict):  # a layer as the activation of another
            return create_layer(value.get("class_name", ""), config)
        value = config
    if value == _CHANGED:
        raise InputError(
            "Expected activations that Keras 3 computes as Keras 2 does. Received: "
            f"{_CHANGED!r} of the layer {layer!r}; {OTHER_WAY}"
        )
    return _ACTIVATIONS.get(value, value)
