"""What a frozen teacher tells of images: its logits, and its penultimate features."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, NamedTuple

import keras

from dfad_tf.graphs.layer_graph import is_graph
from dfad_tf.graphs.training_form import TrainingForm
from dfad_tf.utils.errors import InputError

# Layers without weights that may stand behind the last layer with a kernel.
_PASSED_OVER = (
    keras.layers.Activation,
    keras.layers.Softmax,
    keras.layers.Dropout,
    keras.layers.Flatten,
    keras.layers.Reshape,
    keras.layers.GlobalAveragePooling2D,
    keras.layers.GlobalMaxPooling2D,
    keras.layers.AveragePooling2D,
)


class Answers(NamedTuple):
    """All that a teacher tells of a batch.

    Attributes:
        logits: `(batch, classes)`, float32.
        features: Penultimate features, float32; None if there are none.
        activations: What `watching` asked for, in its order.
    """

    logits: Any
    features: Any
    activations: tuple[Any, ...] = ()


class TeacherSignals:
    """Run a teacher in inference mode and return logits and features in one pass.

    A softmax at the end is taken off: where the last dense layer applies it, its
    weights are read without it. This object is no layer, so a distiller that
    holds it saves the teacher once. A teacher that is no Keras graph may bring a
    method `signals(images)`, and `softmax_removed` and `features_name`, itself.

    Args:
        teacher: A model with one input and outputs `(batch, classes)`, either
            logits or probabilities.
        features: Name of the layer whose output R_m reads; None finds the input
            of the last dense or convolutional layer.

    Raises:
        InputError: If `features` names no layer of the teacher.

    Example:

    >>> logits, features = TeacherSignals(teacher)(images)
    """

    def __init__(self, teacher: keras.Model, features: str | None = None) -> None:
        self.teacher = teacher
        self.softmax_removed = getattr(teacher, "softmax_removed", False)
        self.features_name: str | None = getattr(teacher, "features_name", None)
        self._network: Any = None
        if not is_graph(teacher):
            if features is not None:
                raise InputError(
                    "Expected a functional or sequential Keras teacher to read the features "
                    f"{features!r} from. Received: {type(teacher).__name__}"
                )
            return
        logits, found = self._logits(teacher)
        if features is not None:
            found = _layer_output(teacher, features)
            self.features_name = features
        self._outputs = {"logits": logits}
        if found is not None:
            self._outputs["features"] = found
        self._network = keras.Model(teacher.inputs[0], self._outputs)

    @property
    def has_features(self) -> bool:
        """Whether features can be read."""
        return self.features_name is not None

    def in_precision(self, precision: str | None) -> TeacherSignals:
        """Return the same signals, computed as training computes, in another precision."""
        faster = copy.copy(self)
        if self._network is not None:
            # What is watched may be of low precision: only these are learned from to the digit.
            exact = [
                self._outputs[name] for name in ("logits", "features") if name in self._outputs
            ]
            faster._network = TrainingForm(self._network, precision, exact)
        return faster

    def watching(self, tensors: Sequence[Any]) -> TeacherSignals:
        """Return the same signals, which also give activations inside the teacher.

        Args:
            tensors: Symbolic tensors of the teacher's own graph.

        Raises:
            InputError: If the teacher is no graph of layers.
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

    def __call__(self, images: Any) -> tuple[Any, Any]:
        """Return float32 logits `(batch, classes)` and features (None if there are none)."""
        return self.observe(images)[:2]

    def observe(self, images: Any) -> Answers:
        """Return logits, features and the activations that are watched."""
        features, activations = None, ()
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

    def _logits(self, model: keras.Model) -> tuple[Any, Any]:
        """Walk back from the output to the last layer with a kernel."""
        tensor = model.outputs[0]
        passed: list[Any] = []
        while True:
            history = tensor._keras_history
            operation = history.operation
            if isinstance(operation, keras.layers.InputLayer):
                return model.outputs[0], None
            source = operation._inbound_nodes[history.node_index].input_tensors[0]
            if is_graph(operation):
                inner = TeacherSignals(operation)
                self.softmax_removed, self.features_name = (
                    inner.softmax_removed,
                    inner.features_name,
                )
                outputs = inner._network(source, training=False)
                return self._replay(outputs["logits"], passed), outputs.get("features")
            if isinstance(operation, (keras.layers.Dense, keras.layers.Conv2D)):
                self.features_name = source._keras_history.operation.name
                return self._replay(self._linear(operation, source, tensor), passed), source
            if not isinstance(operation, _PASSED_OVER):
                return model.outputs[0], None
            passed.append(operation)
            tensor = source

    def _linear(self, layer: Any, features: Any, output: Any) -> Any:
        """The layer's output before its softmax."""
        if layer.activation is not keras.activations.softmax:
            return output
        self.softmax_removed = True
        config = {**layer.get_config(), "activation": "linear", "name": f"{layer.name}_logits"}
        linear = type(layer).from_config(config)
        logits = linear(features)
        linear.set_weights(layer.get_weights())
        linear.trainable = False
        return logits

    def _replay(self, logits: Any, passed: list[Any]) -> Any:
        """Apply what stood behind the last layer with a kernel, but for the softmax."""
        for layer in reversed(passed):
            if is_softmax(layer):
                self.softmax_removed = True
            else:
                logits = layer(logits)
        return logits


def is_softmax(layer: Any) -> bool:
    """Whether a layer is nothing but a softmax."""
    return isinstance(layer, keras.layers.Softmax) or (
        isinstance(layer, keras.layers.Activation) and layer.activation is keras.activations.softmax
    )


def _layer_output(teacher: keras.Model, name: str) -> Any:
    known = [layer.name for layer in teacher.layers]
    if name not in known:
        raise InputError(
            "Expected the features to be a layer of the teacher (its last ones: "
            f"{', '.join(known[-6:])}). Received: {name!r}"
        )
    return teacher.get_layer(name).output
