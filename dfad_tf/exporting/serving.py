"""The graph that is exported: from raw pixels to logits and probabilities."""

from __future__ import annotations

import keras
import tensorflow as tf

from dfad_tf.compute.keras_internals import all_layers
from dfad_tf.data.pixel_contract import PixelContract
from dfad_tf.graphs.layer_graph import copy_layer, is_graph
from dfad_tf.teachers.teacher_signals import TeacherSignals
from dfad_tf.utils.errors import InputError

INPUT, LOGITS, PROBABILITIES = "image", "logits", "probabilities"
SIGNATURE = "serving_default"


def float32_copy(student: keras.Model) -> keras.Model:
    """Return a student whose layers all use the dtype policy float32.

    LiteRT has no built-in operations for the casts of mixed precision, which serves
    training only. The variables are float32 in either case.

    Args:
        student: A functional or sequential model of any dtype policy.

    Returns:
        The student itself if it is float32 already, otherwise a copy with its weights.

    Raises:
        InputError: If the student is not a graph of layers, so that it cannot be copied.
    """
    layers = [layer for layer in all_layers(student) if hasattr(layer, "compute_dtype")]
    if all(layer.compute_dtype == "float32" for layer in layers):
        return student
    if not is_graph(student):
        raise InputError(
            "Expected `student` to be float32, or a functional or sequential model. "
            f"Received: {type(student).__name__} in {student.compute_dtype}"
        )
    copy = keras.models.clone_model(student, clone_function=_in_float32, recursive=True)
    copy.set_weights([w.astype("float32") for w in student.get_weights()])
    for layer in all_layers(copy):
        if isinstance(layer, keras.layers.Normalization) and layer.input_mean is None:
            # `set_weights` does not update the constants that `call` uses.
            layer.finalize_state()
    return copy


def serving_function(
    student: keras.Model,
    contract: PixelContract,
    batch_size: int | None = None,
    dtype: str = "uint8",
) -> tf.types.experimental.PolymorphicFunction:
    """Trace the student including its preprocessing, with its weights as constants.

    A SavedModel stores constants once, whereas Keras's own export writes every variable
    twice. Batch normalization can be folded into constants.

    Args:
        student: A classifier in float32 whose outputs are logits or a softmax.
        contract: The pixels that it expects.
        batch_size: Number of images per call; None allows any number.
        dtype: `"uint8"`, or `"float32"` (also raw pixels) for a converter that replaces
            the input by integers.

    Returns:
        A `tf.function` from `image` `(batch, height, width, channels)`, raw pixels
        from 0 to 255, to a dictionary of `logits` and `probabilities`, both float32
        `(batch, classes)`.
    """
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    signals = TeacherSignals(student)
    scale, offset = contract.scale.astype("float32"), contract.offset.astype("float32")
    signature = [tf.TensorSpec((batch_size, *student.input_shape[1:]), dtype, name=INPUT)]

    def serve(image: tf.Tensor) -> dict[str, tf.Tensor]:
        pixels = tf.cast(image, tf.float32)
        if (scale != 1).any() or (offset != 0).any():
            pixels = pixels * scale + offset
        logits, _ = signals(pixels)
        return {LOGITS: logits, PROBABILITIES: tf.nn.softmax(logits)}

    concrete = tf.function(serve, autograph=False).get_concrete_function(*signature)
    frozen = convert_variables_to_constants_v2(concrete)
    names = sorted(concrete.structured_outputs)  # the order of the flattened outputs

    def call_frozen(image: tf.Tensor) -> dict[str, tf.Tensor]:
        return dict(zip(names, frozen(image), strict=True))

    return tf.function(call_frozen, input_signature=signature, autograph=False)


def _in_float32(layer: keras.layers.Layer | keras.Operation) -> keras.layers.Layer:
    if isinstance(layer, keras.layers.Layer):
        return copy_layer(layer, dtype="float32")
    return copy_layer(layer)  # an operation in the graph, such as `x * 2`, has no dtype policy
