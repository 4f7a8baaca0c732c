"""Convolutions and dense layers of a frozen graph, with or without a bias."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dfad_tf.teachers.graph_layers.frozen_graph import UnreadableGraphError
from dfad_tf.teachers.graph_layers.rebuild import layers_between

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.normal(0, 1, (3, 8, 6, 4)).astype("float32")
KERNEL, GROUPED, DEPTHWISE, DENSE, BIAS = (
    RANDOM.normal(0, 1, shape).astype("float32")
    for shape in ((3, 2, 4, 6), (3, 3, 2, 6), (3, 3, 4, 2), (192, 6), (6,))
)
EXPLICIT = [[0, 0], [1, 0], [2, 1], [0, 0]]


def rebuilt(function):
    traced = tf.function(function, autograph=False)
    concrete = traced.get_concrete_function(tf.TensorSpec((None, 8, 6, 4)))
    return layers_between(concrete.inputs[0], concrete.outputs[0])


def dense(x, **arguments):
    kernel = DENSE.T if arguments.get("transpose_b") else DENSE
    return tf.matmul(tf.reshape(x, (-1, 192)), kernel, **arguments)


def depthwise(x):
    return tf.nn.depthwise_conv2d(x, DEPTHWISE, (1, 2, 2, 1), "SAME")


@pytest.mark.parametrize(
    ("function", "kind", "weights"),
    [
        (lambda x: tf.nn.conv2d(x, KERNEL, (2, 1), "SAME"), "Conv2D", 1),
        (lambda x: tf.nn.conv2d(x, KERNEL, 1, "VALID") + BIAS, "Conv2D", 2),
        (lambda x: tf.nn.bias_add(tf.nn.conv2d(x, KERNEL, 1, EXPLICIT), BIAS), "Conv2D", 2),
        (lambda x: tf.nn.conv2d(x, GROUPED, 1, "SAME"), "Conv2D", 1),
        (lambda x: tf.nn.conv2d(x, KERNEL, 1, "SAME") + BIAS[None, None], "Conv2D", 2),
        (
            lambda x: tf.nn.depthwise_conv2d(x, DEPTHWISE, (1, 2, 2, 1), "SAME"),
            "DepthwiseConv2D",
            1,
        ),
        (dense, "Dense", 1),
        (lambda x: dense(x, transpose_b=True) + BIAS, "Dense", 2),
    ],
)
def test_a_kernel_becomes_a_layer(function, kind, weights):
    network = rebuilt(function)
    layer = network.layers[-1]
    assert type(layer).__name__ == kind and len(layer.get_weights()) == weights
    np.testing.assert_allclose(network(IMAGES), function(IMAGES), rtol=1e-4, atol=1e-4)


def test_a_sum_is_no_bias_where_something_else_reads_the_result():
    def function(x):
        found = tf.nn.conv2d(x, KERNEL, 1, "SAME")
        return tf.nn.relu(found) + (found + BIAS)

    network = rebuilt(function)
    (layer,) = (each for each in network.layers if isinstance(each, keras.layers.Conv2D))
    assert not layer.use_bias
    np.testing.assert_allclose(network(IMAGES), function(IMAGES), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("function", "named"),
    [
        (lambda x: tf.nn.conv2d(x, KERNEL * tf.reduce_mean(x), 1, "SAME"), "computed"),
        (lambda x: tf.matmul(x, DENSE[:4]), "BatchMatMul"),
        (lambda x: tf.matmul(tf.reshape(x, (-1, 192)), DENSE * tf.reduce_sum(x)), "computed"),
        (lambda x: tf.nn.conv2d_transpose(x, KERNEL[..., :4], (3, 8, 6, 4), 1), "Backprop"),
    ],
)
def test_other_kernels_are_named(function, named):
    with pytest.raises(UnreadableGraphError, match=named):
        rebuilt(function)
