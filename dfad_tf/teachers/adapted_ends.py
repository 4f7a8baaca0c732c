"""Give a teacher the ends that distillation needs: images with a channel, and one logit a class.

People bring classifiers of images `(height, width)`, of camera pixels (uint8), and with one output
for two classes. Each becomes a network of the same layers, whose input is float images
`(height, width, channels)`, and whose output has two classes.
"""

from __future__ import annotations

import keras
import numpy as np

from dfad_tf.graphs.steps import Step, list_steps, run_steps

# Attribute of a teacher whose input had the type uint8 before it became one of floats.
TOOK_BYTES = "took_bytes"
_FLOATS = ("float16", "bfloat16", "float32", "float64")


def with_image_input(teacher: keras.Model) -> keras.Model:
    """Return a teacher that takes float images `(height, width, channels)`.

    Args:
        teacher: A graph of layers. Images `(height, width)` get one channel. An input of integers
            becomes one of floats, through which gradients can be computed: Keras would round the
            generator's images to integers.

    Returns:
        The teacher itself, if it takes such images already, or a network of its layers.

    Example:

    >>> gray = keras.Sequential([keras.Input((8, 8)), keras.layers.Flatten()])
    >>> with_image_input(gray).input_shape
    (None, 8, 8, 1)
    """
    shape, dtype = teacher.input_shape[1:], teacher.inputs[0].dtype
    if len(shape) not in (2, 3) or (len(shape) == 3 and dtype in _FLOATS):
        return teacher
    listed = list_steps(teacher)
    inputs = keras.Input((*shape, 1) if len(shape) == 2 else shape, name="image")
    images = keras.layers.Reshape(shape)(inputs) if len(shape) == 2 else inputs
    values = run_steps(listed.steps, {listed.input: images}, [listed.output])
    model = keras.Model(inputs, values[listed.output], name=teacher.name)
    setattr(model, TOOK_BYTES, dtype == "uint8")
    return model


def with_two_classes(teacher: keras.Model) -> keras.Model:
    """Return a teacher with two classes in the place of one output.

    The one output is the logit z of the second class, before its sigmoid. The two logits are 0 and
    z, whose softmax is the sigmoid of z.

    Args:
        teacher: A graph of layers with outputs `(batch, 1)`.

    Returns:
        The teacher itself, if it has several outputs, or a network of its layers whose last dense
        layer has two units, without an activation.

    Example:

    >>> one = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()])
    >>> one.add(keras.layers.Dense(1, activation="sigmoid"))
    >>> with_two_classes(one).output_shape
    (None, 2)
    """
    if len(teacher.output_shape) != 2 or teacher.output_shape[1] != 1:
        return teacher
    result = _of_two_classes(teacher)
    setattr(result, TOOK_BYTES, getattr(teacher, TOOK_BYTES, False))
    return result


def _of_two_classes(teacher: keras.Model) -> keras.Model:
    listed = list_steps(teacher)
    steps, last = list(listed.steps), listed.output
    while steps and _is_sigmoid(steps[-1]):
        last = steps.pop().inputs[0]
    inputs = keras.Input(teacher.input_shape[1:], name="image")
    head = steps[-1] if steps else None
    if head and isinstance(head.operation, keras.layers.Dense) and _removable(head):
        values = run_steps(steps, {listed.input: inputs}, [head.inputs[0]])
        return keras.Model(inputs, _two_units(head.operation, values[head.inputs[0]]))
    logit = run_steps(steps, {listed.input: inputs}, [last])[last]
    both = keras.layers.Concatenate(name="two_classes")([keras.ops.zeros_like(logit), logit])
    return keras.Model(inputs, both, name=teacher.name)


def _is_sigmoid(step: Step) -> bool:
    activation = getattr(step.operation, "activation", None)
    return isinstance(step.operation, keras.layers.Activation) and (
        activation is keras.activations.sigmoid
    )


def _removable(head: Step) -> bool:
    return head.operation.activation in (keras.activations.linear, keras.activations.sigmoid)


def _two_units(head: keras.layers.Dense, features: keras.KerasTensor) -> keras.KerasTensor:
    """Apply a dense layer with the logits 0 and z, where another has z."""
    layer = keras.layers.Dense(2, use_bias=head.use_bias, name=f"{head.name}_two_classes")
    logits = layer(features)
    weights = [np.asarray(keras.ops.convert_to_numpy(weight)) for weight in head.weights]
    layer.set_weights([np.concatenate([np.zeros_like(w), w], axis=-1) for w in weights])
    return logits
