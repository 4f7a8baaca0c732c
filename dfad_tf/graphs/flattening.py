"""A network without nested networks, on the same layers."""

from __future__ import annotations

import keras

from dfad_tf.graphs.layer_graph import is_graph
from dfad_tf.graphs.steps import list_steps, run_steps


def flattened(network: keras.Model) -> keras.Model | None:
    """Return a network in whose graph the layers of nested networks are its own.

    Args:
        network: A network. It keeps its layers, which the returned one shares.

    Returns:
        The network, in inference mode; None if it is no graph with one input and one output, or
        two of its layers have the same name.

    Example:

    >>> flat = flattened(keras.Sequential([keras.Input((8, 8, 1)), student]))
    >>> [layer for layer in flat.layers if isinstance(layer, keras.Model)]
    []
    """
    if not is_graph(network) or len(network.inputs) != 1 or len(network.outputs) != 1:
        return None
    listed = list_steps(network)
    inputs = keras.Input(network.input_shape[1:], name=network.inputs[0].name)
    names = [step.operation.name for step in listed.steps]
    if len(set(names)) < len({id(step.operation) for step in listed.steps}):
        return None
    values = run_steps(listed.steps, {listed.input: inputs}, [listed.output])
    return keras.Model(inputs, values[listed.output], name=network.name)
