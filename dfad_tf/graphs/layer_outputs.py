"""Outputs of layers inside a network: by the names of the layers, or of each group of layers."""

from __future__ import annotations

import re
from collections.abc import Sequence

import keras

from dfad_tf.graphs.layer_graph import is_graph, own_nodes
from dfad_tf.graphs.layer_table import kind_of
from dfad_tf.utils.errors import InputError


def group_ends(network: keras.Model) -> list[str]:
    """Return the last layer of each group, whose feature maps the published methods compare.

    These are the layers named `group1`, `group2`, …, or, if there are none, the last layer of
    each resolution.

    Args:
        network: A graph of layers. Networks nested in it are skipped.

    Returns:
        Names from input to output: the three convolutions of a LeNet-5, the ends of the
        four groups of a ResNet-34.

    Example:

    >>> group_ends(models.build("resnet34", (32, 32, 3), 10))
    ['group1', 'group2', 'group3', 'group4']
    """
    named = [layer.name for layer in network.layers if re.fullmatch(r"group\d+", layer.name)]
    if named:  # in the networks of `dfad_tf.models`
        return named
    ends: dict[tuple[int, ...], str] = {}
    nodes = own_nodes(network)
    for layer in network.layers:
        calls = nodes.get(layer.name, [])
        if kind_of(layer).ends_no_group or isinstance(layer, keras.Model) or len(calls) != 1:
            continue
        shape = calls[0].output_tensors[0].shape
        if len(shape) == 4:
            ends[tuple(shape[1:3])] = layer.name
    return list(ends.values())


def layer_outputs(
    network: keras.Model, names: Sequence[str], argument: str
) -> list[keras.KerasTensor]:
    """Return the symbolic outputs of layers.

    Args:
        network: A graph of layers.
        names: Names of layers of the network, not of networks nested in it.
        argument: The argument that the names were passed to, for the error.

    Raises:
        InputError: If no layer has such a name, the layer is called several times, or the
            network is not a graph of layers.

    Example:

    >>> layer_outputs(student, ["hidden"], "student_layers")[0].shape
    (None, 8)
    """
    nodes = own_nodes(network) if is_graph(network) else {}
    known = [layer.name for layer in network.layers if layer.name in nodes] if nodes else []
    for name in names:
        if name in known and len(nodes[name]) > 1:
            raise InputError(
                f"Expected `{argument}` to name layers of {network.name} that are called once. "
                f"Received: {name!r}, called {len(nodes[name])} times"
            )
        if name not in known:
            raise InputError(
                f"Expected `{argument}` to name layers of {network.name} (among them "
                f"{', '.join(known[-6:]) or 'none that can be read'}). Received: {name!r}"
            )
    return [nodes[name][0].output_tensors[0] for name in names]


def pair_layers(
    teacher: keras.Model,
    student: keras.Model,
    teacher_layers: Sequence[str] = (),
    student_layers: Sequence[str] = (),
) -> tuple[list[str], list[str]]:
    """Pair the layers of teacher and student whose feature maps are compared.

    Args:
        teacher: The teacher.
        student: The student.
        teacher_layers: Names of layers of the teacher. An empty sequence stands for the ends of
            all groups.
        student_layers: Names of layers of the student, each paired with the teacher's layer at
            the same position.

    Returns:
        The names of the teacher's layers and as many of the student's.

    Raises:
        InputError: If no layer has such a name, the layer has no feature map, or the numbers of
            names differ.

    Example:

    >>> pair_layers(teacher, student, ["conv2d"], ["conv2d"])  # doctest: +SKIP
    (['conv2d'], ['conv2d'])
    """
    pairs: list[list[str]] = []
    for network, names, argument in (
        (teacher, teacher_layers, "teacher_layers"),
        (student, student_layers, "student_layers"),
    ):
        if not is_graph(network):
            raise InputError(
                "Expected a functional or sequential Keras network to compare feature maps with. "
                f"Received: {type(network).__name__}"
            )
        names = list(names) or group_ends(network)
        for name, output in zip(names, layer_outputs(network, names, argument), strict=True):
            if len(output.shape) != 4:
                raise InputError(
                    f"Expected `{argument}` to name layers with feature maps (height, width, "
                    f"channels). Received: {name!r} with {tuple(output.shape[1:])}"
                )
        pairs.append(names)
    if len(pairs[0]) != len(pairs[1]) or not pairs[0]:
        raise InputError(
            "Expected as many layers of the teacher as of the student to pair. Received: "
            f"{', '.join(pairs[0]) or 'none'} and {', '.join(pairs[1]) or 'none'}. Name them with "
            "`teacher_layers` and `student_layers`."
        )
    return pairs[0], pairs[1]
