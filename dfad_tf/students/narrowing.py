"""Build a narrower copy of a teacher's own architecture."""

from __future__ import annotations

from typing import Any

import keras

from dfad_tf.compute.keras_internals import call_inputs, producing_layer
from dfad_tf.graphs.flattening import flattened
from dfad_tf.graphs.layer_graph import copy_layer
from dfad_tf.graphs.layer_table import is_softmax
from dfad_tf.graphs.steps import list_steps
from dfad_tf.students.channel_groups import channel_groups, is_kernel, keeps_one_pixel
from dfad_tf.students.pairing import NotPairedError
from dfad_tf.utils.errors import InputError

_MOMENTUM = 0.9


def narrowed(teacher: keras.Model, rate: float = 0.5, name: str = "half") -> keras.Model:
    """Return an untrained network of the teacher's architecture with fewer filters.

    Args:
        teacher: A classifier of images.
        rate: Share of the filters and hidden units that the network has, above 0 and below 1.
        name: Name of the network.

    Returns:
        A network with the teacher's input, which returns logits. Its preprocessing is that of the
        teacher.

    Raises:
        InputError: If the architecture cannot be narrowed; the reason names a layer.

    Example:

    >>> narrowed(models.build("lenet5", (32, 32, 1), 10)).count_params()
    15738
    """
    flat = flattened(teacher)
    if flat is None:
        raise InputError(
            "Expected a teacher that is a graph of layers with different names, to build a "
            f"narrower one. Received: {type(teacher).__name__}"
        )
    tensor = flat.outputs[0]
    while is_softmax(producing_layer(tensor)):  # the student returns logits
        tensor = call_inputs(tensor)[0]
    flat = keras.Model(flat.inputs[0], tensor)
    steps = list_steps(flat).steps
    kernels = [step.operation for step in steps if is_kernel(step)]
    of_one_pixel = {id(step.operation) for step in steps if keeps_one_pixel(step)}
    try:
        channel_groups(list_steps(flat))
    except NotPairedError as error:
        raise InputError(
            "Expected a teacher whose filters can be told apart, to build a narrower one; name "
            f"another `student`. Received one where {error}"
        ) from error

    def narrow(layer: keras.layers.Layer) -> keras.layers.Layer:
        changes: dict[str, Any] = {}
        if isinstance(layer, keras.layers.Layer):  # an operation of a graph has no such entry
            changes["trainable"] = True  # the layers of a frozen teacher are not
        if isinstance(layer, keras.layers.BatchNormalization):
            # A distillation has far fewer steps than the training that the teacher's is meant for.
            changes["momentum"] = min(layer.momentum, _MOMENTUM)
        if id(layer) in of_one_pixel:
            # Not the teacher's number of channels.
            changes["target_shape"] = (*layer.target_shape[:-1], -1)
        if layer is kernels[-1]:
            return copy_layer(layer, activation="linear", **changes)
        key = {keras.layers.Conv2D: "filters", keras.layers.Dense: "units"}.get(type(layer))
        if key is not None:
            changes[key] = max(1, round(rate * getattr(layer, key)))
        return copy_layer(layer, **changes)

    try:
        student = keras.models.clone_model(flat, clone_function=narrow)
    except (ValueError, TypeError) as error:  # an operation has a number of channels inside
        raise InputError(
            "Expected a teacher without fixed numbers of channels, to build a narrower one; name "
            f"another `student`. Received: {str(error).splitlines()[0]}"
        ) from error
    for layer in flat.layers:  # an adapted normalization keeps its statistics
        if isinstance(layer, keras.layers.Normalization):
            copied = student.get_layer(layer.name)
            copied.set_weights(layer.get_weights())
            copied.finalize_state()
    student.name = name
    return student
