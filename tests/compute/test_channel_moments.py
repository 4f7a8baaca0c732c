"""Moments and their gradients, against those of Keras in float32."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dfad_tf.compute.channel_moments import channel_moments


@pytest.mark.parametrize("shape", [(6, 5, 4, 3), (7, 3), (2, 1, 1, 4)])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("compiled", [False, True])
def test_values_and_gradients(shape, dtype, compiled):
    inputs = tf.cast(np.random.default_rng(0).normal(3.0, 2.0, shape), dtype)

    def both(moments):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            mean, variance = moments(inputs)
            loss = tf.reduce_sum(mean * [1.0, 2.0, 3.0, 4.0][: shape[-1]]) + tf.reduce_sum(
                variance**2
            )
        return mean, variance, tf.cast(tape.gradient(loss, inputs), tf.float32)

    axes = tuple(range(len(shape) - 1))
    found = tf.function(lambda: both(channel_moments), jit_compile=compiled)()
    wanted = both(lambda x: keras.ops.moments(tf.cast(x, "float32"), axes))
    for ours, expected in zip(found, wanted, strict=True):
        assert ours.dtype == tf.float32
        tolerance = {"float32": 1e-4, "bfloat16": 3e-2}[dtype]
        scale = np.abs(expected).max()
        np.testing.assert_allclose(ours, expected, atol=tolerance * scale)
