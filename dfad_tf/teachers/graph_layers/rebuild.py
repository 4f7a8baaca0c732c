"""A SavedModel as a graph of layers, where every operation has one.

A graph of layers offers what a graph of operations does not: a student of the same architecture
that inherits filters or blocks, statistics of batch normalizations that steer the images, and
preprocessing that is read.
"""

from __future__ import annotations

import logging
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dfad_tf.compute.keras_internals import producing_layer
from dfad_tf.teachers.adapted_ends import TOOK_BYTES
from dfad_tf.teachers.graph_layers.batch_norms import (
    FoundBatchNorm,
    batch_norm_layer,
    find_batch_norm,
)
from dfad_tf.teachers.graph_layers.frozen_graph import (
    FrozenGraph,
    UnreadableGraphError,
    source,
)
from dfad_tf.teachers.graph_layers.kernels import KERNELS, bias_of, kernel_layer, padding_name
from dfad_tf.teachers.graph_layers.operations import layer_for, operands
from dfad_tf.teachers.saved_model_teacher import SavedModelTeacher

_LOG = logging.getLogger(__name__)
_INNER = ("batchnorm",)  # scopes inside of a layer, not named by whoever built the network
_RANGES = ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0))  # of the images on which the answers must agree
_EACH = 4
_TOLERANCE = 1e-3  # of the answers, as a share of the largest


def as_layers(teacher: SavedModelTeacher) -> keras.Model:
    """Return a SavedModel as a graph of layers of Keras.

    Args:
        teacher: The SavedModel.

    Returns:
        A network of layers with the same answers, and with the softmax that was removed; the
        teacher itself, if an operation has no layer, or the layers answer otherwise.

    Example:

    >>> from dfad_tf.teachers.saved_model_teacher import load_saved_model
    >>> teacher.export("my_saved_model", verbose=False)
    >>> type(as_layers(load_saved_model("my_saved_model"))).__name__
    'Functional'
    """
    try:
        network = layers_between(*teacher.graph_ends())
        # Keras does not compute everything as TensorFlow does.
        if not _agree(teacher, network):
            raise UnreadableGraphError("layers answer otherwise")
    except (UnreadableGraphError, ValueError, TypeError, tf.errors.OpError) as error:
        _LOG.debug("The SavedModel stays a graph of operations: %s", error)
        return teacher
    if teacher.softmax_removed:
        name = "probabilities"
        activation = "sigmoid" if network.output_shape[-1] == 1 else "softmax"
        end = keras.layers.Activation(activation, name=name)(network.outputs[0])
        network = keras.Model(network.inputs[0], end, name=network.name)
    setattr(network, TOOK_BYTES, getattr(teacher, TOOK_BYTES, False))
    return network


def _agree(teacher: SavedModelTeacher, network: keras.Model) -> bool:
    """Return whether both answer alike, in each range of pixels by itself."""
    random, shape = np.random.default_rng(0), teacher.input_shape[1:]
    for ends in _RANGES:
        images = tf.constant(random.uniform(*ends, (_EACH, *shape)).astype("float32"))
        wanted = np.asarray(teacher(images))[:, -network.output_shape[-1] :]
        error = np.abs(np.asarray(network(images, training=False)) - wanted).max()
        if not error <= _TOLERANCE * np.abs(wanted).max():  # NaN is no agreement either
            return False
    return True


def layers_between(images: tf.Tensor, logits: tf.Tensor) -> keras.Model:
    """Return the layers that compute one tensor of a frozen graph of another.

    Args:
        images: The tensor with the images, `(batch, height, width, channels)`.
        logits: The tensor with the logits.

    Returns:
        A network of layers with the weights of the graph.

    Raises:
        UnreadableGraphError: If an operation has no layer.
        ValueError: If a layer does not take its inputs; Keras raises a TypeError as well.
    """
    return _Rebuilding(images).network(logits)


class _Rebuilding:
    """Creates the layers of a frozen graph, each when its inputs exist."""

    def __init__(self, images: tf.Tensor) -> None:
        self._graph = FrozenGraph(images)
        self._input = keras.Input(images.shape[1:], name="image")
        self._made: dict[str, Any] = {images.name: self._input}
        self._names: set[str] = {"image", "probabilities"}

    def network(self, logits: tf.Tensor) -> keras.Model:
        waiting = [logits]  # without recursion: graphs are deeper than Python's stack
        while waiting:
            tensor = source(waiting[-1])
            if tensor.name in self._made:
                waiting.pop()
                continue
            if self._graph.is_constant(tensor):
                raise UnreadableGraphError("answers that do not depend on the images")
            norm = find_batch_norm(self._graph, tensor.op)
            needed = [norm.inputs] if norm else operands(self._graph, tensor.op)
            missing = [each for each in needed if source(each).name not in self._made]
            if missing:
                waiting += missing
                continue
            inputs = [self._made[source(each).name] for each in needed]
            self._make(tensor, norm, inputs)
        return keras.Model(self._input, self._made[source(logits).name], name="saved_model")

    def _make(self, tensor: tf.Tensor, norm: FoundBatchNorm | None, inputs: list[Any]) -> None:
        operation, name, same = tensor.op, self._name(tensor.op), [tensor]
        if norm is not None:
            layers, weights = batch_norm_layer(norm, name)
        elif operation.type in KERNELS:
            added, bias = bias_of(self._graph, operation) or (None, None)
            layers, weights = kernel_layer(self._graph, operation, bias, name)
            if added is not None:  # the layer with the kernel adds the bias
                same.append(added.outputs[0])
        else:
            only = layer_for(self._graph, operation, inputs, name)
            # An operation of Keras gives itself a name, which may be that of a layer.
            producing_layer(only).name = name
            self._made[tensor.name] = only
            return
        made = inputs[0]
        for layer in layers:
            made = layer(made)
        layers[-1].set_weights(weights)
        self._made.update({each.name: made for each in same})

    def _name(self, operation: tf.Operation) -> str:
        """Return the name of a layer: that of the scope in which the operation was recorded."""
        *scopes, last = operation.name.split("/")
        named = [scope for scope in scopes if scope not in _INNER]
        base = named[-1] if named else last
        name, number = base, 1
        while {name, padding_name(name)} & self._names:
            number += 1
            name = f"{base}_{number}"
        self._names |= {name, padding_name(name)}
        return name
