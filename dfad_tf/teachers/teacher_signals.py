"""The answers of a frozen teacher to images: its logits and its penultimate features."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from dfad_tf.compute.keras_internals import call_inputs, producing_layer
from dfad_tf.graphs.layer_graph import is_graph
from dfad_tf.graphs.layer_outputs import layer_outputs
from dfad_tf.graphs.layer_table import is_softmax, kind_of
from dfad_tf.graphs.training_form import TrainingForm
from dfad_tf.utils.errors import InputError


class Answers(NamedTuple):
    """The answers of a teacher to a batch.

    Attributes:
        logits: `(batch, classes)`, float32.
        features: Penultimate features, float32; None if there are none.
        activations: The activations that `watching` added, in the same order.
    """

    logits: tf.Tensor
    features: tf.Tensor | None
    activations: tuple[tf.Tensor, ...] = ()


class TeacherSignals:
    """Run a teacher in inference mode and return logits and features in one pass.

    A softmax at the end is removed. If it is the activation of the last layer with a kernel, a
    copy of that layer without the activation returns the logits. This object is not a layer, so
    a distiller that holds it saves the teacher once.

    A teacher that is not a graph of layers may have a method `signals(images)`, which returns
    logits and features, and the attributes `softmax_removed` and `features_name`.

    Args:
        teacher: A model with one input and outputs `(batch, classes)`, either
            logits or probabilities.
        features: Name of the layer whose output the term R_m reads. None stands for the input
            of the last dense or convolutional layer.

    Attributes:
        softmax_removed: Whether the teacher's own outputs are probabilities.
        requested_features: The argument `features`.
        features_name: Name of the layer that returns the features; None if there are none.

    Raises:
        InputError: If `features` names no layer of the teacher, or the teacher is not a graph.

    Example:

    >>> logits, features = TeacherSignals(teacher)(images)
    """

    def __init__(self, teacher: keras.Model, features: str | None = None) -> None:
        self.teacher, self.requested_features = teacher, features
        self.softmax_removed = getattr(teacher, "softmax_removed", False)
        self.features_name: str | None = getattr(teacher, "features_name", None)
        self._network: Any = None  # a `keras.Model` or its `TrainingForm`
        if not is_graph(teacher):
            if features is not None:
                raise InputError(
                    "Expected a functional or sequential Keras teacher to read `features` from. "
                    f"Received: features={features!r} of a {type(teacher).__name__}"
                )
            return
        logits, found = self._logits(teacher)
        if features is not None:
            found = layer_outputs(teacher, [features], "features")[0]
            self.features_name = features
        self._outputs = {"logits": logits}
        if found is not None:
            self._outputs["features"] = found
        self._network = keras.Model(teacher.inputs[0], self._outputs)

    @property
    def has_features(self) -> bool:
        """Whether the teacher has features."""
        return self.features_name is not None

    @property
    def feature_count(self) -> int:
        """Number of the features of an image; 0 if there are none."""
        if self._network is None or "features" not in self._outputs:
            return 0
        return int(np.prod(self._outputs["features"].shape[1:]))

    def in_precision(self, precision: str | None) -> TeacherSignals:
        """Return the same signals from the teacher's training form.

        Args:
            precision: A Keras dtype policy; None keeps the dtype policy of every layer.
        """
        faster = copy.copy(self)
        if self._network is not None:
            # The student learns from these to the last digit, but not from watched activations.
            exact = [
                self._outputs[name] for name in ("logits", "features") if name in self._outputs
            ]
            faster._network = TrainingForm(self._network, precision, exact)
        return faster

    def watching(self, tensors: Sequence[keras.KerasTensor]) -> TeacherSignals:
        """Return the same signals with activations inside the teacher as further outputs.

        Args:
            tensors: Symbolic tensors of the teacher's own graph.

        Raises:
            InputError: If the teacher is not a graph of layers.
        """
        if not tensors:
            return self
        if self._network is None:
            raise InputError(
                "Expected a functional or sequential Keras teacher, whose layers can be read. "
                f"Received: {type(self.teacher).__name__}"
            )
        watching = copy.copy(self)
        outputs = {**self._outputs, "activations": list(tensors)}
        watching._network = keras.Model(self.teacher.inputs[0], outputs)
        return watching

    def __call__(self, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor | None]:
        """Return float32 logits `(batch, classes)` and features (None if there are none)."""
        return self.observe(images)[:2]

    def observe(self, images: tf.Tensor) -> Answers:
        """Return logits, features and the watched activations."""
        features = None
        activations: tuple[tf.Tensor, ...] = ()
        if self._network is not None:
            outputs = self._network(images, training=False)
            logits, features = outputs["logits"], outputs.get("features")
            activations = tuple(outputs.get("activations", ()))
        elif hasattr(self.teacher, "signals"):
            logits, features = self.teacher.signals(images)
        else:
            logits = self.teacher(images, training=False)
        if features is not None:
            features = keras.ops.cast(features, "float32")
        return Answers(keras.ops.cast(logits, "float32"), features, activations)

    def _logits(self, model: keras.Model) -> tuple[keras.KerasTensor, keras.KerasTensor | None]:
        """Return logits and features: walk back from the output to the last kernel."""
        tensor = model.outputs[0]
        skipped: list[keras.layers.Layer] = []
        while True:
            layer = producing_layer(tensor)
            if isinstance(layer, keras.layers.InputLayer):
                return model.outputs[0], None
            source = call_inputs(tensor)[0]
            if is_graph(layer):
                logits, features = self._of_nested(layer, source)
                return self._replay(logits, skipped), features
            if kind_of(layer).has_kernel:
                self.features_name = producing_layer(source).name
                return self._replay(self._linear(layer, source, tensor), skipped), source
            if not kind_of(layer).skipped_behind_logits:
                return self._replay(tensor, skipped), None
            skipped.append(layer)
            tensor = source

    def _of_nested(
        self, model: keras.Model, source: keras.KerasTensor
    ) -> tuple[keras.KerasTensor, keras.KerasTensor | None]:
        """Return logits and features of a model that is the last layer with a kernel."""
        inner = TeacherSignals(model)
        self.softmax_removed, self.features_name = inner.softmax_removed, inner.features_name
        outputs = inner._network(source, training=False)
        return outputs["logits"], outputs.get("features")

    def _linear(
        self, layer: keras.layers.Layer, features: keras.KerasTensor, output: keras.KerasTensor
    ) -> keras.KerasTensor:
        """Return the output of the last layer with a kernel, without its softmax."""
        if layer.activation is not keras.activations.softmax:
            return output
        self.softmax_removed = True
        config = {**layer.get_config(), "activation": "linear", "name": f"{layer.name}_logits"}
        linear = type(layer).from_config(config)
        logits = linear(features)
        linear.set_weights(layer.get_weights())
        linear.trainable = False
        return logits

    def _replay(
        self, logits: keras.KerasTensor, skipped: list[keras.layers.Layer]
    ) -> keras.KerasTensor:
        """Apply the layers behind the last layer with a kernel, except for a softmax."""
        for layer in reversed(skipped):
            if is_softmax(layer):
                self.softmax_removed = True
            else:
                logits = layer(logits)
        return logits
