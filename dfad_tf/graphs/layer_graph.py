"""Models that are graphs of layers."""

from __future__ import annotations

from typing import Any

import keras


def is_graph(model: Any) -> bool:
    """Whether a model is a graph of layers that can be walked (functional or sequential)."""
    outputs: Any = getattr(model, "outputs", None)
    return (
        isinstance(model, keras.Model) and bool(outputs) and hasattr(outputs[0], "_keras_history")
    )


def copy_layer(layer: Any, **changes: Any) -> Any:
    """Make a fresh layer of another's settings.

    Args:
        layer: The layer, or an operation in a graph.
        **changes: Settings that differ.

    Returns:
        The copy, without the other's weights.
    """
    config = {**layer.get_config(), **changes}
    if isinstance(layer, keras.layers.Lambda):
        # Whose code has been let in: Keras asks anew wherever a layer is made of settings.
        return type(layer).from_config(config, safe_mode=False)
    return type(layer).from_config(config)


def own_nodes(network: keras.Model) -> dict[str, list[Any]]:
    """Return the calls in a network's graph, by the name of what is called.

    A layer's own `output` may be that of another graph: one that grew layer by layer, as
    every saved sequential model does when it is loaded, or a network that it was taken from.

    Args:
        network: A graph of layers.
    """
    nodes: dict[str, list[Any]] = {}
    waiting = list(network.outputs)
    while waiting:
        operation, index = waiting.pop()._keras_history[:2]
        node = operation._inbound_nodes[index]
        calls = nodes.setdefault(operation.name, [])
        if node not in calls:
            calls.append(node)
            waiting += node.input_tensors
    return nodes
