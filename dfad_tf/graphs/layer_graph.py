"""Models that are graphs of layers."""

from __future__ import annotations

from typing import Any

import keras

from dfad_tf.compute.keras_internals import LayerCall, is_symbolic, producing_call, producing_layer


def is_graph(model: object) -> bool:
    """Return whether an object is a model whose layers can be walked: functional or sequential."""
    outputs: Any = getattr(model, "outputs", None)
    return isinstance(model, keras.Model) and bool(outputs) and is_symbolic(outputs[0])


def copy_layer(layer: keras.layers.Layer, **changes: Any) -> keras.layers.Layer:
    """Create a layer from the config of another one.

    Args:
        layer: A layer, or an operation of a graph.
        **changes: Entries of the config that differ.

    Returns:
        A layer of the same class. It does not have the weights of the other.

    Example:

    >>> copy_layer(keras.layers.Dense(3), activation="relu").units
    3
    """
    config = {**layer.get_config(), **changes}
    if isinstance(layer, keras.layers.Lambda):
        # The code was checked when the model was loaded. Keras refuses it in every `from_config`.
        return type(layer).from_config(config, safe_mode=False)
    return type(layer).from_config(config)


def own_nodes(network: keras.Model) -> dict[str, list[LayerCall]]:
    """Return the calls in a network's graph, by the name of the layer that is called.

    The attribute `output` of a layer may belong to another graph: that of a sequential model
    before the next layer was added, as in every saved sequential model that is loaded, or that
    of another network with the same layer.

    Args:
        network: A graph of layers.

    Returns:
        Each call of a layer once, with its input and output tensors.

    Example:

    >>> own_nodes(student)["hidden"][0].output_tensors[0].shape
    (None, 8)
    """
    nodes: dict[str, list[LayerCall]] = {}
    waiting = list(network.outputs)
    while waiting:
        tensor = waiting.pop()
        node = producing_call(tensor)
        calls = nodes.setdefault(producing_layer(tensor).name, [])
        if node not in calls:
            calls.append(node)
            waiting += node.input_tensors
    return nodes
