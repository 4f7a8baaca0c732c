"""Outputs of layers inside a network: found by name, or at the end of each resolution."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import keras

from dfad_tf.graphs.layer_graph import is_graph, own_nodes
from dfad_tf.utils.errors import InputError

# They end no group: what a down-sampling makes belongs to the group behind it.
_BETWEEN_GROUPS = (
    keras.layers.InputLayer,
    keras.layers.MaxPooling2D,
    keras.layers.AveragePooling2D,
    keras.layers.GlobalAveragePooling2D,
    keras.layers.GlobalMaxPooling2D,
    keras.layers.ZeroPadding2D,
    keras.layers.Normalization,
    keras.layers.Rescaling,
    keras.layers.Dropout,
    keras.layers.Reshape,
)


def group_ends(network: keras.Model) -> list[str]:
    """Name the ends of a network's groups: where the field takes feature maps from.

    They are the layers named `group1`, `group2`, …, or else the last of each resolution.

    Args:
        network: A graph of layers. Networks nested in it are passed over.

    Returns:
        Names from input to output: the three convolutions of a LeNet-5, the ends of the
        four groups of a ResNet-34.

    Example:

    >>> len(group_ends(models.build("resnet34", (32, 32, 3), 10)))
    4
    """
    named = [layer.name for layer in network.layers if re.fullmatch(r"group\d+", layer.name)]
    if named:  # as in our own networks
        return named
    ends: dict[tuple[int, ...], str] = {}
    nodes = own_nodes(network)
    for layer in network.layers:
        calls = nodes.get(layer.name, [])
        if isinstance(layer, (*_BETWEEN_GROUPS, keras.Model)) or len(calls) != 1:
            continue
        shape = calls[0].output_tensors[0].shape
        if len(shape) == 4:
            ends[tuple(shape[1:3])] = layer.name
    return list(ends.values())


def layer_outputs(network: keras.Model, names: Sequence[str], what: str) -> list[Any]:
    """Return the symbolic outputs of named layers.

    Args:
        network: A graph of layers.
        names: Names of its own layers, not of those in a network nested in it.
        what: The flag or argument that named them, for the error.

    Raises:
        InputError: If a name is no layer's, or that of one that is called several times, or
            the network is no graph.
    """
    nodes = own_nodes(network) if is_graph(network) else {}
    known = [layer.name for layer in network.layers if layer.name in nodes] if nodes else []
    for name in names:
        if name in known and len(nodes[name]) > 1:
            raise InputError(
                f"Expected {what} to name layers of {network.name} that are called once. "
                f"Received: {name!r}, called {len(nodes[name])} times"
            )
        if name not in known:
            raise InputError(
                f"Expected {what} to name layers of {network.name} (among them "
                f"{', '.join(known[-6:]) or 'none that can be read'}). Received: {name!r}"
            )
    return [nodes[name][0].output_tensors[0] for name in names]


def pair_layers(
    teacher: keras.Model,
    student: keras.Model,
    teacher_layers: Sequence[str] = (),
    student_layers: Sequence[str] = (),
) -> tuple[list[str], list[str]]:
    """Pair layers of the teacher with layers of the student, whose maps are compared.

    Args:
        teacher: The teacher.
        student: The student.
        teacher_layers: Names, paired by their place; none are the ends of all groups.
        student_layers: Likewise.

    Returns:
        As many names of the one as of the other.

    Raises:
        InputError: If a name is no layer's, or the numbers differ.
    """
    pairs: list[list[str]] = []
    for network, names, flag in (
        (teacher, teacher_layers, "--teacher_layers"),
        (student, student_layers, "--student_layers"),
    ):
        if not is_graph(network):
            raise InputError(
                "Expected a functional or sequential Keras network to compare maps with. "
                f"Received: {type(network).__name__}"
            )
        names = list(names) or group_ends(network)
        for name, output in zip(names, layer_outputs(network, names, flag), strict=True):
            if len(output.shape) != 4:
                raise InputError(
                    f"Expected {flag} to name layers with maps (height, width, channels). "
                    f"Received: {name!r} with {tuple(output.shape[1:])}"
                )
        pairs.append(names)
    if len(pairs[0]) != len(pairs[1]) or not pairs[0]:
        raise InputError(
            "Expected as many layers of the teacher as of the student to pair. Received: "
            f"{', '.join(pairs[0]) or 'none'} and {', '.join(pairs[1]) or 'none'}. Name them with "
            "--teacher_layers and --student_layers."
        )
    return pairs[0], pairs[1]
