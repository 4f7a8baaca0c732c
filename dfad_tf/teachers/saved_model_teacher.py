"""A SavedModel as a teacher: its frozen inference graph, with logits and features."""

from __future__ import annotations

import math
import pathlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from dfad_tf.teachers.adapted_ends import TOOK_BYTES
from dfad_tf.teachers.saved_model_check import (
    check_graph,
    check_saved_model,
    check_signature,
    has_objects,
)
from dfad_tf.teachers.saved_model_ends import find_head, float_images, image_shape_of
from dfad_tf.teachers.saved_model_graph import (
    SignatureGraph,
    drop_custom_gradients,
    load_signature,
)
from dfad_tf.utils.errors import InputError

if TYPE_CHECKING:
    from tensorflow.python.eager.polymorphic_function.concrete_function import ConcreteFunction

_GRAPH_FILE = "graph.pb"
_ARITHMETIC = ("Mul", "AddV2", "Add", "Sub", "RealDiv")
_PASSING = ("Identity", "Cast", "StopGradient", "Reshape", "ExpandDims")  # the same pixels


@keras.saving.register_keras_serializable("dfad_tf")
class SavedModelTeacher(keras.Model):
    """Runs the frozen graph of a SavedModel, whose weights are constants and cannot change.

    A saved `.keras` file contains the graph as an asset.

    Args:
        image_shape: `(height, width, channels)`.
        num_classes: Number of outputs.
        tensors: Names of the tensors of the graph: `input`, `logits`, and `features` if found.
        softmax_removed: Whether `logits` is the input of a softmax of the graph.
        parameter_count: Number of trainable parameters of the SavedModel.
        has_channels: Whether the graph's own input has channels; `(batch, height, width)` if not.
        name: Name of the model.
        **arguments: As for `keras.Model`.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        num_classes: int,
        tensors: dict[str, str],
        softmax_removed: bool,
        parameter_count: int = 0,
        has_channels: bool = True,
        name: str = "saved_model_teacher",
        **arguments: Any,
    ) -> None:
        super().__init__(name=name, **arguments)
        self._tensors = dict(tensors)
        self._shapes = ((None, *image_shape), (None, num_classes))
        self.softmax_removed = softmax_removed
        self.parameter_count, self.has_channels = parameter_count, has_channels
        self.features_name = tensors.get("features")
        self.graph_bytes = b""
        self._run: Any = None  # a wrapped function, which has `inputs`
        self.built = True

    @property
    def input_shape(self) -> tuple[Any, ...]:
        return self._shapes[0]

    @property
    def output_shape(self) -> tuple[Any, ...]:
        return self._shapes[1]

    def set_graph(self, graph_bytes: bytes) -> None:
        """Set the graph.

        Args:
            graph_bytes: A serialized frozen `GraphDef`.
        """
        definition = tf.compat.v1.GraphDef.FromString(graph_bytes)
        drop_custom_gradients(definition)
        outputs = {key: name for key, name in self._tensors.items() if key != "input"}

        def run(images: tf.Tensor) -> dict[str, tf.Tensor]:
            if not self.has_channels:
                images = tf.reshape(images, (-1, *self._shapes[0][1:3]))
            found = tf.import_graph_def(
                definition, {self._tensors["input"]: images}, list(outputs.values()), name=""
            )
            named = dict(zip(outputs, found, strict=True))
            logits = named["logits"]
            if logits.shape.rank != 2:  # axes of length 1 were removed behind the softmax
                named["logits"] = tf.reshape(logits, (-1, logits.shape[1:].num_elements()))
            return named

        # With an input of this shape, so that all shapes in the graph are known.
        self._run = tf.compat.v1.wrap_function(run, [tf.TensorSpec(self._shapes[0], tf.float32)])
        self.graph_bytes = graph_bytes

    def graph_ends(self) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the tensors of the graph that take the images and that have the logits."""
        return self._run.inputs[0], self._run.structured_outputs["logits"]

    def preprocessing(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Return the arithmetic with which the graph begins as a factor and an offset.

        Returns:
            Factor and offset, one per channel; None if the graph begins otherwise.
        """
        tensor = self._run.inputs[0]
        channels = self._shapes[0][-1]
        scale, offset, found = np.ones(channels), np.zeros(channels), False
        while True:
            # A reshape asks for the number of images as well.
            consumers = [each for each in tensor.consumers() if each.type != "Shape"]
            if len(consumers) != 1:
                break
            operation = consumers[0]
            if operation.type in _ARITHMETIC:
                other = [t for t in operation.inputs if t is not tensor]
                value = tf.get_static_value(other[0]) if len(other) == 1 else None
                reversed_division = operation.type == "RealDiv" and other[0] is operation.inputs[0]
                if value is None or np.size(value) not in (1, channels) or reversed_division:
                    break
                scale, offset = _apply(operation, tensor, np.ravel(value), scale, offset)
                found = True
            elif operation.type not in _PASSING:
                break
            tensor = operation.outputs[0]
        return (scale, offset) if found else None

    def signals(self, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor | None]:
        """Compute logits and features.

        Args:
            images: `(batch, height, width, channels)`.

        Returns:
            Logits `(batch, num_classes)`, and features `(batch, size)` or None.
        """
        outputs = self._run(tf.cast(images, tf.float32))
        logits = outputs["logits"]
        if logits.shape[1:] == (1,):  # the logit of the second of two classes
            logits = tf.concat([tf.zeros_like(logits), logits], -1)
        logits = tf.ensure_shape(logits, (images.shape[0], self._shapes[1][1]))
        features = outputs.get("features")
        if features is not None and images.shape[0] is not None:
            features = tf.reshape(features, (images.shape[0], -1))
        return logits, features

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        return self.signals(inputs)[0]

    def get_config(self) -> dict[str, Any]:
        return {
            "image_shape": self._shapes[0][1:],
            "num_classes": self._shapes[1][1],
            "tensors": dict(self._tensors),
            "softmax_removed": self.softmax_removed,
            "parameter_count": self.parameter_count,
            "has_channels": self.has_channels,
            "name": self.name,
        }

    def save_assets(self, path: str) -> None:
        (pathlib.Path(path) / _GRAPH_FILE).write_bytes(self.graph_bytes)

    def load_assets(self, path: str) -> None:
        content = (pathlib.Path(path) / _GRAPH_FILE).read_bytes()
        # This package saves only operations on tensors, but other files may contain any.
        check_graph(tf.compat.v1.GraphDef.FromString(content), _GRAPH_FILE)
        self.set_graph(content)


def load_saved_model(
    path: str, image_shape: tuple[int, int, int] | None = None, trust: bool = False
) -> SavedModelTeacher:
    """Load a SavedModel of Keras 2, Keras 3 or plain TensorFlow as a teacher.

    Args:
        path: The folder of the SavedModel.
        image_shape: `(height, width, channels)` of the images; required only if the signature
            does not state it.
        trust: Whether the SavedModel may run operations that do more than compute on tensors.

    Returns:
        A teacher that returns logits; a softmax at the end is removed.

    Raises:
        InputError: If the SavedModel has no signature with one image input and one output, is
            damaged, or runs other operations and is not trusted.
    """
    signature = _signature_of(path, trust)
    frozen = signature.function
    source, output = frozen.inputs[0], frozen.outputs[0]
    images = float_images(source, path)
    shape = image_shape_of(images, image_shape, path)
    if output.shape.rank != 2 or output.shape[1] is None:
        raise InputError(f"Expected outputs (batch, classes) of {path}. Received: {output.shape}")
    logits, features, softmax = find_head(output, "Sigmoid" if output.shape[1] == 1 else "Softmax")
    tensors = {"input": images.name, "logits": logits.name}
    if features is not None:
        tensors["features"] = features.name
    count = signature.parameter_count
    channels = images.shape.rank != 3
    teacher = SavedModelTeacher(
        shape, max(2, int(output.shape[1])), tensors, softmax, count, channels
    )
    setattr(teacher, TOOK_BYTES, source.dtype == tf.uint8)
    teacher.set_graph(frozen.graph.as_graph_def().SerializeToString())
    return teacher


def _signature_of(path: str, trust: bool) -> SignatureGraph:
    """Return the frozen signature: of the objects, or of the graph where they do not load."""
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    try:
        check_saved_model(path, trust)
        loaded = tf.saved_model.load(path)  # a reference, which keeps the variables alive
    except Exception as error:  # an optimizer or a layer raises its own type
        if isinstance(error, InputError) and not has_objects(path):
            raise
        try:
            check_signature(path, trust)
        except InputError:  # the objects' error names the function
            raise error from None
        return load_signature(path)
    function = _signature(loaded.signatures, path)
    weights = [variable for variable in function.variables if variable.trainable]
    count = sum(math.prod(variable.shape) for variable in weights)
    return SignatureGraph(convert_variables_to_constants_v2(function), count)


def _signature(signatures: Mapping[str, ConcreteFunction], path: str) -> ConcreteFunction:
    """Return the signature for inference, which has one input and one output."""
    if not signatures:
        raise InputError(f"Expected a SavedModel with a serving signature. Received none: {path}")
    key = "serving_default" if "serving_default" in signatures else sorted(signatures)[0]
    function = signatures[key]
    inputs = function.structured_input_signature[1]
    outputs = function.structured_outputs
    if len(inputs) != 1 or len(outputs) != 1:
        raise InputError(
            f"Expected the signature {key!r} of {path} to have one input and one output. "
            f"Received: inputs {sorted(inputs)}, outputs {sorted(outputs)}"
        )
    return function


def _apply(
    operation: tf.Operation,
    tensor: tf.Tensor,
    value: np.ndarray,
    scale: np.ndarray,
    offset: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Apply one operation with a constant to `scale * x + offset`."""
    if operation.type == "Mul":
        return scale * value, offset * value
    if operation.type == "RealDiv":
        return scale / value, offset / value
    if operation.type == "Sub":
        if operation.inputs[0] is not tensor:  # constant - x
            return -scale, value - offset
        return scale, offset - value
    return scale, offset + value
