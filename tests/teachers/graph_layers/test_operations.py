"""Operations of a frozen graph become layers with the same answers, or are named."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dfad_tf.teachers.graph_layers.frozen_graph import UnreadableGraphError
from dfad_tf.teachers.graph_layers.rebuild import layers_between

IMAGES = np.random.default_rng(0).normal(0, 2, (3, 8, 6, 4)).astype("float32")
VECTOR = np.array([1.0, -2.0, 0.5, 3.0], "float32")


def rebuilt(function, shape=(None, 8, 6, 4)):
    traced = tf.function(function, autograph=False)
    concrete = traced.get_concrete_function(tf.TensorSpec(shape))
    return layers_between(concrete.inputs[0], concrete.outputs[0])


def kinds(network):
    return [type(layer).__name__ for layer in network.operations[1:]]


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (tf.nn.relu, ["ReLU"]),
        (tf.nn.relu6, ["ReLU"]),
        (lambda x: tf.nn.leaky_relu(x, 0.3), ["LeakyReLU"]),
        (tf.nn.elu, ["Activation"]),
        (tf.nn.selu, ["Activation"]),
        (tf.nn.softplus, ["Activation"]),
        (tf.nn.sigmoid, ["Activation"]),
        (tf.nn.tanh, ["Activation"]),
        (tf.nn.softmax, ["Softmax"]),
        (lambda x: x * tf.nn.sigmoid(x), ["Activation"]),
        (tf.nn.silu, ["Activation"]),
        (lambda x: x * tf.nn.relu6(x + 3) / 6, ["Rescaling", "ReLU", "Multiply", "Rescaling"]),
        (lambda x: tf.nn.max_pool2d(x, (3, 2), (2, 1), "SAME"), ["MaxPooling2D"]),
        (lambda x: tf.nn.avg_pool2d(x, 2, 2, "VALID"), ["AveragePooling2D"]),
        (lambda x: tf.reduce_mean(x, (1, 2)), ["GlobalAveragePooling2D"]),
        (lambda x: tf.reduce_mean(x, (-3, -2), keepdims=True), ["GlobalAveragePooling2D"]),
        (lambda x: tf.reduce_max(x, (1, 2)), ["GlobalMaxPooling2D"]),
        (lambda x: tf.pad(x, ((0, 0), (1, 2), (0, 3), (0, 0))), ["ZeroPadding2D"]),
        (lambda x: tf.image.resize(x, (5, 9)), ["Resizing"]),
        (lambda x: tf.reshape(x, (-1, 192)), ["Flatten"]),
        (lambda x: tf.reshape(x, (tf.shape(x)[0], 48, 4)), ["Reshape"]),
        (lambda x: tf.squeeze(x[:, :1, :1], (1, 2)), ["GetItem", "Flatten"]),
        (lambda x: tf.concat([x, tf.nn.relu(x)], -1), ["ReLU", "Concatenate"]),
        (lambda x: x + tf.nn.relu(x), ["ReLU", "Add"]),
        (lambda x: x - tf.nn.relu(x), ["ReLU", "Subtract"]),
        (lambda x: x * tf.nn.relu(x), ["ReLU", "Multiply"]),
        (lambda x: tf.maximum(x, tf.nn.relu(-x)), ["Rescaling", "ReLU", "Maximum"]),
        (lambda x: x[..., ::-1], ["GetItem"]),
        (lambda x: x[:, 1:5, ::2], ["GetItem"]),
        (lambda x: x[:, 3], ["GetItem"]),
        (lambda x: x / 127.5 - 1, ["Rescaling", "Rescaling"]),
        (lambda x: 1 - x, ["Rescaling"]),
        (lambda x: 2 / (tf.abs(x) + 1), ["Absolute", "Rescaling", "Divide"]),
        (lambda x: (x - VECTOR) / VECTOR, ["Rescaling", "Rescaling"]),
        (lambda x: x * VECTOR + VECTOR, ["Rescaling", "Rescaling"]),
        (lambda x: tf.nn.bias_add(x, VECTOR), ["Rescaling"]),
        (lambda x: x * IMAGES[:1], ["Multiply"]),
        (lambda x: tf.clip_by_value(x, -1.0, 0.5), ["Minimum", "Maximum"]),
        (lambda x: tf.sqrt(tf.square(x)), ["Square", "Sqrt"]),
        (lambda x: tf.stop_gradient(tf.identity(x)), []),
        (lambda x: tf.ensure_shape(x, (None, 8, 6, 4)), []),
        (lambda x: x / tf.maximum(tf.sqrt(VECTOR**2), 1e-7), ["Rescaling"]),
        (lambda x: tf.nn.relu(x)[:, ::2] + VECTOR, ["ReLU", "GetItem", "Add"]),
    ],
)
def test_an_operation_becomes_a_layer(function, expected):
    network = rebuilt(function)
    assert kinds(network) == expected
    np.testing.assert_allclose(network(IMAGES), function(IMAGES), rtol=1e-5, atol=1e-5)


def test_the_network_can_be_saved(tmp_path):
    network = rebuilt(lambda x: tf.maximum(x[..., ::-1] / 127.5 - VECTOR, 0.1))
    network.save(tmp_path / "network.keras")
    again = keras.models.load_model(tmp_path / "network.keras")
    np.testing.assert_array_equal(again(IMAGES), network(IMAGES))


@pytest.mark.parametrize(
    ("function", "named"),
    [
        (tf.math.cumsum, "Cumsum"),
        (lambda x: tf.transpose(x, (1, 2, 0, 3)), "Transpose"),
        (lambda x: tf.reshape(x, (-1, 16)), "across images"),
        (lambda x: tf.reshape(x, (4, -1)), "across images"),
        (lambda x: x[1:], "batch"),
        (lambda x: x[:, tf.newaxis], "new axes"),
        (lambda x: tf.reduce_mean(x, -1), "other axes"),
        (lambda x: tf.pad(x, ((0, 0), (0, 0), (0, 0), (1, 0))), "other axes"),
        (lambda x: tf.pad(x, ((0, 0), (1, 0), (0, 0), (0, 0)), constant_values=1.0), "than 0"),
        (lambda x: tf.cast(tf.cast(x, tf.int32), tf.float32), "Cast"),
        (lambda x: tf.ones((2, 3)), "do not depend on the images"),
        (lambda x: x + tf.random.normal((8, 6, 4)), "RandomStandardNormal"),
        (lambda x: x / [1.0, 1.0, 0.0, 1.0], "division by 0"),
    ],
)
def test_other_operations_are_named(function, named):
    with pytest.raises(UnreadableGraphError, match=named):
        rebuilt(function)


def test_a_loop_ends_nowhere():
    """The operations of a loop of TensorFlow 1 depend on each other in a circle."""
    with tf.Graph().as_default():
        tf.compat.v1.disable_control_flow_v2()
        images = tf.compat.v1.placeholder(tf.float32, (None, 8, 8, 1))
        try:
            result = tf.while_loop(lambda x: tf.reduce_sum(x) < 9, lambda x: x + 1, [images])
        finally:
            tf.compat.v1.enable_control_flow_v2()
        with pytest.raises(UnreadableGraphError, match="Exit"):
            layers_between(images, tf.nest.flatten(result)[0])
