"""The graph that is exported: raw pixels in, logits and probabilities out."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from dfad_tf.compute.keras_internals import all_layers
from dfad_tf.data.pixel_contract import PixelContract
from dfad_tf.graphs.layer_graph import copy_layer, is_graph
from dfad_tf.teachers.teacher_signals import TeacherSignals
from dfad_tf.utils.errors import InputError

INPUT, LOGITS, PROBABILITIES = "image", "logits", "probabilities"


def float32_copy(student: keras.Model) -> keras.Model:
    """Return the student with every layer computing in float32.

    Mixed precision serves training; its casts have no built-in LiteRT operations,
    and its variables are float32 anyway.

    Args:
        student: A functional or sequential model of any precision.

    Returns:
        The student itself where it is float32 already, else a copy with its weights.

    Raises:
        InputError: If it is no graph of layers, so that it cannot be copied.
    """
    layers = [layer for layer in all_layers(student) if hasattr(layer, "compute_dtype")]
    if all(layer.compute_dtype == "float32" for layer in layers):
        return student
    if not is_graph(student):
        raise InputError(
            "Expected a functional or sequential model to bring to float32. "
            f"Received: {type(student).__name__} in {student.compute_dtype}"
        )
    copy = keras.models.clone_model(student, clone_function=_in_float32, recursive=True)
    copy.set_weights([w.astype("float32") for w in student.get_weights()])
    for layer in all_layers(copy):
        if isinstance(layer, keras.layers.Normalization) and layer.input_mean is None:
            layer.finalize_state()  # its weights are what it was adapted to, not what it applies
    return copy


def serving_function(
    student: keras.Model,
    contract: PixelContract,
    batch_size: int | None = None,
    dtype: str = "uint8",
) -> Any:
    """Trace the student with its preprocessing inside, its weights as constants.

    Constants are stored once, where Keras's own export writes every variable
    twice, and batch normalization folds into them.

    Args:
        student: A classifier in float32, with logits or a softmax at its end.
        contract: The pixels that it expects.
        batch_size: Images at a time; None leaves it free.
        dtype: `"uint8"`, or `"float32"` (still raw pixels) where a converter is
            to put integers in its place.

    Returns:
        A `tf.function` of `image` `(batch, height, width, channels)`, raw pixels
        from 0 to 255, to a dictionary of `logits` and `probabilities`, both float32
        `(batch, classes)`.
    """
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    signals = TeacherSignals(student)
    scale, offset = contract.scale.astype("float32"), contract.offset.astype("float32")
    signature = [tf.TensorSpec((batch_size, *student.input_shape[1:]), dtype, name=INPUT)]

    def serve(image: Any) -> dict[str, Any]:
        pixels = tf.cast(image, tf.float32)
        if (scale != 1).any() or (offset != 0).any():
            pixels = pixels * scale + offset
        logits, _ = signals(pixels)
        return {LOGITS: logits, PROBABILITIES: tf.nn.softmax(logits)}

    concrete = tf.function(serve, autograph=False).get_concrete_function(*signature)
    frozen = convert_variables_to_constants_v2(concrete)
    names = sorted(concrete.structured_outputs)  # the order in which they are flattened

    def call_frozen(image: Any) -> dict[str, Any]:
        return dict(zip(names, frozen(image), strict=True))

    return tf.function(call_frozen, input_signature=signature, autograph=False)


def _in_float32(layer: Any) -> Any:
    if isinstance(layer, keras.layers.Layer):  # and no operation such as `x * 2` in the graph
        return copy_layer(layer, dtype="float32")
    return copy_layer(layer)
