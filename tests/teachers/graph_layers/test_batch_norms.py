"""Batch normalizations are recognized with their moving statistics."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dfad_tf.teachers.graph_layers.frozen_graph import UnreadableGraphError
from dfad_tf.teachers.graph_layers.rebuild import layers_between

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.normal(0, 1, (3, 8, 6, 4)).astype("float32")
MEAN, OFFSET = RANDOM.normal(0, 1, (2, 4)).astype("float32")
VARIANCE, SCALE = RANDOM.uniform(0.5, 2, (2, 4)).astype("float32")


def rebuilt(function):
    traced = tf.function(function, autograph=False)
    concrete = traced.get_concrete_function(tf.TensorSpec((None, *IMAGES.shape[1:])))
    return layers_between(concrete.inputs[0], concrete.outputs[0])


def fused(x):
    return tf.compat.v1.nn.fused_batch_norm(
        x, SCALE, OFFSET, MEAN, VARIANCE, epsilon=0.01, is_training=False
    )[0]


def separate(offset, scale, shape=(4,)):
    def function(x):
        values = (MEAN, VARIANCE, offset, scale)
        mean, variance, beta, gamma = (
            None if v is None else tf.reshape(tf.constant(v), shape) for v in values
        )
        return tf.nn.batch_normalization(x, mean, variance, beta, gamma, 0.01)

    return function


@pytest.mark.parametrize(
    ("function", "weights"),
    [
        (fused, [SCALE, OFFSET, MEAN, VARIANCE]),
        (separate(OFFSET, SCALE), [SCALE, OFFSET, MEAN, VARIANCE]),
        (separate(OFFSET, SCALE, (1, 1, 1, 4)), [SCALE, OFFSET, MEAN, VARIANCE]),
        (separate(OFFSET, None), [OFFSET, MEAN, VARIANCE]),
        (separate(None, SCALE), [SCALE, MEAN, VARIANCE]),
        (separate(None, None), [MEAN, VARIANCE]),
    ],
)
def test_its_statistics_are_read(function, weights):
    network = rebuilt(function)
    (layer,) = network.layers[1:]
    assert isinstance(layer, keras.layers.BatchNormalization)
    assert layer.epsilon == pytest.approx(0.01)
    for found, wanted in zip(layer.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(found, wanted)
    np.testing.assert_allclose(network(IMAGES), function(IMAGES), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x * (SCALE / np.sqrt(VARIANCE)) + OFFSET,  # folded: no statistics are left
        lambda x: x * tf.math.rsqrt(VARIANCE + tf.constant(0.01)) + OFFSET,  # no mean
        lambda x: x * tf.math.rsqrt(VARIANCE + SCALE) + (OFFSET - MEAN * tf.math.rsqrt(VARIANCE)),
    ],
)
def test_other_arithmetic_is_none(function):
    network = rebuilt(function)
    assert {type(layer).__name__ for layer in network.layers[1:]} == {"Rescaling"}
    np.testing.assert_allclose(network(IMAGES), function(IMAGES), rtol=1e-4, atol=1e-4)


def test_statistics_of_the_batch_itself_are_no_layer():
    def function(x):
        mean, variance = tf.nn.moments(x, (0, 1, 2))
        return tf.nn.batch_normalization(x, mean, variance, OFFSET, SCALE, 0.01)

    with pytest.raises(UnreadableGraphError, match="Mean|SquaredDifference"):
        rebuilt(function)
