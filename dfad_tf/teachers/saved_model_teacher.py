"""A SavedModel as a teacher: its inference graph, frozen, with logits and features."""

from __future__ import annotations

import math
import pathlib
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dfad_tf.teachers.saved_model_check import check_graph, check_saved_model
from dfad_tf.utils.errors import InputError

_GRAPH_FILE = "graph.pb"
# Operations that pass on a value, or change it without weights, behind the last kernel.
_PASSED_OVER = (
    "Identity", "IdentityN", "Reshape", "Squeeze", "Softmax", "Cast", "BiasAdd", "AddV2", "Add",
    "Mean", "StopGradient",
)  # fmt: skip
_ARITHMETIC = ("Mul", "AddV2", "Add", "Sub", "RealDiv")


@keras.saving.register_keras_serializable("dfad_tf")
class SavedModelTeacher(keras.Model):
    """Runs a SavedModel's frozen graph; its weights are constants, so nothing can move them.

    The graph travels inside a saved `.keras` file as an asset.

    Args:
        image_shape: `(height, width, channels)`.
        num_classes: Number of outputs.
        tensors: Names of the graph's tensors: `input`, `logits`, and `features` where found.
        softmax_removed: Whether `logits` stands before a softmax of the graph.
        parameter_count: Trainable weights that the SavedModel held.
        name: Name of the model.
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
        self._run: Any = None
        self.built = True

    @property
    def input_shape(self) -> tuple[Any, ...]:
        return self._shapes[0]

    @property
    def output_shape(self) -> tuple[Any, ...]:
        return self._shapes[1]

    def set_graph(self, graph_bytes: bytes) -> None:
        """Take the serialized frozen `GraphDef`."""
        definition = tf.compat.v1.GraphDef.FromString(graph_bytes)
        outputs = {key: name for key, name in self._tensors.items() if key != "input"}

        def run(images: tf.Tensor) -> dict[str, tf.Tensor]:
            found = tf.import_graph_def(
                definition, {self._tensors["input"]: images}, list(outputs.values()), name=""
            )
            return dict(zip(outputs, found, strict=True))

        # Imported on an input of this shape, so that the shapes within are known too.
        signature = [tf.TensorSpec(self._shapes[0], tf.float32)]
        self._run = tf.compat.v1.wrap_function(run, signature)
        self.graph_bytes = graph_bytes

    def preprocessing(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Factor and offset, one a channel, of the arithmetic at the graph's entrance."""
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

    def signals(self, images: Any) -> tuple[Any, Any]:
        """Return logits and features (None if there are none)."""
        outputs = self._run(tf.cast(images, tf.float32))
        logits = tf.ensure_shape(outputs["logits"], (images.shape[0], self._shapes[1][1]))
        features = outputs.get("features")
        if features is not None and images.shape[0] is not None:
            features = tf.reshape(features, (images.shape[0], -1))
        return logits, features

    def call(self, inputs: Any, training: bool = False) -> Any:
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
        # What a frozen graph of variables never holds may stand in another's file.
        check_graph(tf.compat.v1.GraphDef.FromString(content), _GRAPH_FILE)
        self.set_graph(content)


def load_saved_model(
    path: str, image_shape: tuple[int, int, int] | None = None, trust: bool = False
) -> SavedModelTeacher:
    """Read a SavedModel, from Keras 2, Keras 3 or plain TensorFlow, as a teacher.

    Args:
        path: The SavedModel's folder.
        image_shape: Shape of the images where the signature leaves it open.
        trust: Whether it may run operations that touch more than tensors.

    Returns:
        A teacher that returns logits; a softmax at the end is taken off.

    Raises:
        InputError: If there is no signature with one image in and one output out, or it is
            damaged, or not trusted with what it would run.
    """
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    check_saved_model(path, trust)
    loaded = tf.saved_model.load(path)
    signatures = loaded.signatures
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
    frozen = convert_variables_to_constants_v2(function)
    source = frozen.inputs[0]
    if source.dtype != tf.float32:
        raise InputError(
            "Expected a teacher that takes float32 images, which gradients can pass. "
            f"Received: {source.dtype.name} in {path}"
        )
    shape = image_shape or tuple(source.shape[1:]) if source.shape.rank else image_shape
    if shape is None or None in shape:
        raise InputError(
            f"Expected the size of the images to stand in {path}. Received: {source.shape}; "
            "give it with --image_shape=HEIGHT,WIDTH,CHANNELS."
        )
    classes = frozen.outputs[0].shape
    if classes.rank != 2 or classes[1] is None:
        raise InputError(f"Expected outputs (batch, classes) from {path}. Received: {classes}")
    logits, features, softmax = _find_head(frozen.outputs[0])
    tensors = {"input": source.name, "logits": logits.name}
    if features is not None:
        tensors["features"] = features.name
    weights = [variable for variable in function.variables if variable.trainable]
    count = sum(math.prod(variable.shape) for variable in weights)
    teacher = SavedModelTeacher(shape, int(classes[1]), tensors, softmax, count)
    teacher.set_graph(frozen.graph.as_graph_def().SerializeToString())
    return teacher


def _apply(
    operation: Any, tensor: Any, value: np.ndarray, scale: np.ndarray, offset: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Compose one operation with a constant onto `scale * x + offset`."""
    if operation.type == "Mul":
        return scale * value, offset * value
    if operation.type == "RealDiv":
        return scale / value, offset / value
    if operation.type == "Sub":
        if operation.inputs[0] is not tensor:  # constant - x
            return -scale, value - offset
        return scale, offset - value
    return scale, offset + value


def _find_head(output: Any) -> tuple[Any, Any, bool]:
    """Walk back to the last kernel: logits before a softmax, and the kernel's input."""
    logits, softmax, tensor = output, False, output
    while True:
        operation = tensor.op
        if operation.type in ("MatMul", "Conv2D"):
            return logits, operation.inputs[0], softmax
        if operation.type not in _PASSED_OVER:
            return logits, None, softmax
        tensor = operation.inputs[0]
        if operation.type == "Softmax":
            logits, softmax = tensor, True
