"""A SavedModel as a teacher: its frozen inference graph, with logits and features."""

from __future__ import annotations

import math
import pathlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from dfad_tf.teachers.saved_model_check import (
    check_graph,
    check_saved_model,
    check_signature,
    has_objects,
)
from dfad_tf.teachers.saved_model_graph import (
    SignatureGraph,
    drop_custom_gradients,
    load_signature,
)
from dfad_tf.utils.errors import InputError

if TYPE_CHECKING:
    from tensorflow.python.eager.polymorphic_function.concrete_function import ConcreteFunction

_GRAPH_FILE = "graph.pb"
# Operations between the last kernel and the output: they have no kernel of their own.
_WITHOUT_KERNEL = (
    "Identity", "IdentityN", "Reshape", "Squeeze", "Softmax", "Cast", "BiasAdd", "AddV2", "Add",
    "Mean", "StopGradient",
)  # fmt: skip
_ARITHMETIC = ("Mul", "AddV2", "Add", "Sub", "RealDiv")


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
        name: str = "saved_model_teacher",
        **arguments: Any,
    ) -> None:
        super().__init__(name=name, **arguments)
        self._tensors = dict(tensors)
        self._shapes = ((None, *image_shape), (None, num_classes))
        self.softmax_removed = softmax_removed
        self.parameter_count = parameter_count
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
            found = tf.import_graph_def(
                definition, {self._tensors["input"]: images}, list(outputs.values()), name=""
            )
            return dict(zip(outputs, found, strict=True))

        # With an input of this shape, so that all shapes in the graph are known.
        self._run = tf.compat.v1.wrap_function(run, [tf.TensorSpec(self._shapes[0], tf.float32)])
        self.graph_bytes = graph_bytes

    def preprocessing(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Return the arithmetic with which the graph begins as a factor and an offset.

        Returns:
            Factor and offset, one per channel; None if the graph begins otherwise.
        """
        tensor = self._run.inputs[0]
        channels = self._shapes[0][-1]
        scale, offset, found = np.ones(channels), np.zeros(channels), False
        while len(consumers := tensor.consumers()) == 1:
            operation = consumers[0]
            if operation.type in _ARITHMETIC:
                other = [t for t in operation.inputs if t is not tensor]
                value = tf.get_static_value(other[0]) if len(other) == 1 else None
                reversed_division = operation.type == "RealDiv" and other[0] is operation.inputs[0]
                if value is None or np.size(value) not in (1, channels) or reversed_division:
                    break
                scale, offset = _apply(operation, tensor, np.ravel(value), scale, offset)
                found = True
            elif operation.type not in ("Identity", "Cast", "StopGradient"):
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
        if logits.shape[1] == 1:  # the logit of the second of two classes
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
    shape = _image_shape(source, image_shape, path)
    if output.shape.rank != 2 or output.shape[1] is None:
        raise InputError(f"Expected outputs (batch, classes) of {path}. Received: {output.shape}")
    logits, features, softmax = _find_head(output, "Sigmoid" if output.shape[1] == 1 else "Softmax")
    tensors = {"input": source.name, "logits": logits.name}
    if features is not None:
        tensors["features"] = features.name
    count = signature.parameter_count
    teacher = SavedModelTeacher(shape, max(2, int(output.shape[1])), tensors, softmax, count)
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


def _image_shape(
    source: tf.Tensor, image_shape: tuple[int, int, int] | None, path: str
) -> tuple[int, int, int]:
    """Return the shape of the images that a graph takes."""
    if source.dtype != tf.float32:
        raise InputError(
            "Expected a teacher with an input of float32 images, through which gradients can be "
            f"computed. Received: {source.dtype.name} in {path}"
        )
    shape = image_shape or tuple(source.shape[1:]) if source.shape.rank else image_shape
    if shape is None or None in shape:
        raise InputError(
            f"Expected `image_shape` (height, width, channels), because the model in {path} does "
            f"not state the size of its images. Received: {image_shape}, with the input "
            f"{source.shape}"
        )
    return shape


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


def _find_head(output: tf.Tensor, activation: str) -> tuple[tf.Tensor, tf.Tensor | None, bool]:
    """Search backwards from the output for the last kernel.

    Args:
        output: The output.
        activation: Operation that makes probabilities of logits.

    Returns:
        The logits, before the activation if there is one; the input of the last kernel, or None
        if it is not found; and whether there is the activation.
    """
    logits, softmax, tensor = output, False, output
    while True:
        operation = tensor.op
        if operation.type in ("MatMul", "Conv2D"):
            return logits, operation.inputs[0], softmax
        if operation.type not in (*_WITHOUT_KERNEL, activation):
            return logits, None, softmax
        tensor = operation.inputs[0]
        if operation.type == activation:
            logits, softmax = tensor, True
