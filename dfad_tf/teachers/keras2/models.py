"""Sequential and functional models of Keras 2, created from their configurations."""

from __future__ import annotations

from typing import Any

import keras

from dfad_tf.compute.keras_internals import producing_layer
from dfad_tf.teachers.keras2.layers import Config, create_layer, valid_name
from dfad_tf.teachers.keras2.operations import OPERATION_LAYERS, apply_operation
from dfad_tf.utils.errors import InputError

_SEQUENTIAL, _FUNCTIONAL = ("Sequential",), ("Functional", "Model")


def create_model(content: Config) -> keras.Model:
    """Create a model of Keras 3 from the configuration of a model of Keras 2.

    Args:
        content: `{"class_name": …, "config": …}`, as in the files of Keras 2.

    Returns:
        A model with the same layers and names, without the weights.

    Raises:
        InputError: If it is not a sequential or functional model of layers that Keras 3 has.
    """
    model = _create(content)
    if not isinstance(model, keras.Model):
        raise InputError(
            "Expected a sequential or functional model of Keras 2. Received: "
            f"{content.get('class_name')!r}"
        )
    return model


def _create(content: Config) -> keras.layers.Layer:
    """Create a layer or a model, with the names of its class and its configuration."""
    kind, config = content.get("class_name", ""), content.get("config")
    if kind in _SEQUENTIAL and isinstance(config, (dict, list)):
        made: keras.layers.Layer = _sequential(config)
    elif kind in _FUNCTIONAL and isinstance(config, dict) and "input_layers" in config:
        made = _functional(config)
    elif isinstance(config, dict):
        return create_layer(kind, config)
    else:
        raise InputError(f"Expected a layer with a configuration. Received: {kind!r}")
    if isinstance(config, dict) and config.get("trainable") is False:
        made.trainable = False  # the order of the stored weights depends on it
    return made


def _sequential(config: Config | list[Config]) -> keras.Sequential:
    if isinstance(config, list):  # before Keras 2.2.3
        config = {"layers": config}
    layers = list(config["layers"])
    shape, first = _input_shape({"class_name": "Sequential", "config": config}), None
    if layers and layers[0].get("class_name") == "InputLayer":
        first = layers.pop(0)["config"]
    if shape is None:
        raise InputError(
            "Expected a sequential model that states the shape of its images. Received: "
            f"{config.get('name')!r} without one"
        )
    inputs = _input(shape, first or {})
    return keras.Sequential([inputs, *map(_create, layers)], name=_name(config))


def _input(shape: list[int | None], config: Config) -> keras.KerasTensor:
    dtype = config.get("dtype") if isinstance(config.get("dtype"), str) else None
    return keras.Input(shape[1:], name=_name(config), dtype=dtype)


def _input_shape(content: Config) -> list[int | None] | None:
    """Return the input shape that the first layer states, with the batch."""
    config = content.get("config")
    if isinstance(config, list):
        config = {"layers": config}
    if not isinstance(config, dict):
        return None
    for key in ("batch_input_shape", "batch_shape"):
        if config.get(key):
            return list(config[key])
    for layer in config.get("layers", [])[:1]:
        shape = _input_shape(layer)
        if shape:
            return shape
    return config.get("build_input_shape")


def _functional(config: Config) -> keras.Model:
    graph = _Graph(config["layers"])
    inputs, outputs = (
        [graph.tensor(*reference) for reference in _references(config[key])]
        for key in ("input_layers", "output_layers")
    )
    source, result = (ends if len(ends) > 1 else ends[0] for ends in (inputs, outputs))
    return keras.Model(source, result, name=_name(config))


def _name(config: Config) -> str | None:
    return valid_name(config["name"]) if config.get("name") else None


def _references(entry: list[Any]) -> list[list[Any]]:
    """Return references to tensors, `[layer, call, output]`, as a list of them."""
    if entry and isinstance(entry[0], str):
        return [entry[:3]]
    return [list(reference)[:3] for reference in entry]


class _Graph:
    """Calls the layers of a functional model, each as soon as its inputs exist."""

    def __init__(self, layers: list[Config]) -> None:
        self._calls: dict[str, list[Any]] = {}
        self._nested: set[str] = set()
        waiting = []
        for content in layers:
            name, kind = content["name"], content["class_name"]
            if kind == "InputLayer":
                shape = _input_shape(content)
                if shape is None:
                    raise InputError(f"Expected an input with a shape. Received: {name!r}")
                self._calls[name] = [_input(shape, content["config"])]
                continue
            layer = None if kind in OPERATION_LAYERS else _create(content)
            if isinstance(layer, keras.Model):
                self._nested.add(name)
            self._calls[name] = []
            calls = enumerate(content.get("inbound_nodes", []))
            waiting += [(content, layer, place, node) for place, node in calls]
        while waiting:
            left = [call for call in waiting if not self._call(*call)]
            if len(left) == len(waiting):
                raise InputError(
                    "Expected a graph in which every layer has its inputs. Received: "
                    f"{left[0][0]['name']!r} without them"
                )
            waiting = left

    def tensor(self, name: str, call: int = 0, output: int = 0) -> Any:
        """Return an output of a call of a layer.

        Raises:
            LookupError: If it does not exist, or not yet.
        """
        # The call 0 of a nested model is the one that connects its own input and output.
        place = call - 1 if name in self._nested and call else call
        made = self._calls[name][place]
        return made[output] if isinstance(made, (list, tuple)) else made

    def _call(
        self, content: Config, layer: keras.layers.Layer | None, place: int, node: Any
    ) -> bool:
        """Call a layer; return False if its inputs do not exist yet."""
        if isinstance(node, dict):
            raise InputError("Expected a graph as Keras 2 stores it. Received: one of Keras 3")
        name = content["name"]
        # An earlier call of the same layer comes first, so that the calls keep their order.
        if len(self._calls[name]) != place:
            return False
        entries = [node] if node and isinstance(node[0], str) else node
        try:
            inputs = [self._operand(entry[:3]) for entry in entries]
            more = entries[0][3] if len(entries[0]) > 3 else {}
            arguments = {key: self._operand(value) for key, value in more.items()}
        except LookupError:
            return False
        if layer is None:
            made = apply_operation(content["class_name"], content["config"], inputs, arguments)
            # The name that Keras gives it may be that of a layer.
            producing_layer(made).name = valid_name(name)
        else:
            mode = {"training": False} if arguments.get("training") is False else {}
            made = layer(inputs if len(inputs) > 1 else inputs[0], **mode)
        self._calls[name].append(made)
        return True

    def _operand(self, value: Any) -> Any:
        """Return the tensor that a reference names, or a constant as it is."""
        if isinstance(value, (list, tuple)) and len(value) >= 3 and isinstance(value[0], str):
            if value[0] == "_CONSTANT_VALUE":
                return value[2]
            return self.tensor(value[0], value[1], value[2])
        return value
