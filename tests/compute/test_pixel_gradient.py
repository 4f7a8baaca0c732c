"""1×1 convolutions with strides and few channels: their gradient overwrites memory in oneDNN.

oneDNN is switched on in child processes, because TensorFlow uses it by default on some processors
only. With AVX2 the limit is 8 channels, with AVX-512 it is 16: 4 channels are below both.
"""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from dfad_tf.compute.fast_layers import ProductGradientConv2D, convolution, overwrites_memory

layers = keras.layers


@pytest.mark.parametrize(
    ("arguments", "channels", "expected"),
    [
        ({"kernel_size": 1, "strides": 2}, 8, True),
        ({"kernel_size": 1, "strides": 2}, 15, True),
        ({"kernel_size": 1, "strides": (1, 2)}, 3, True),
        ({"kernel_size": 1, "strides": 2}, 16, False),
        ({"kernel_size": 1}, 8, False),
        ({"kernel_size": 3, "strides": 2}, 8, False),
        ({"kernel_size": (1, 3), "strides": 2}, 8, False),
        ({"kernel_size": 1, "strides": 2, "groups": 4}, 8, False),
    ],
)
def test_which_gradients_overwrite_memory(arguments, channels, expected):
    assert overwrites_memory(layers.Conv2D(16, **arguments), channels) == expected


def test_other_layers_are_not_meant():
    assert not overwrites_memory(layers.Dense(3), 4)


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("strides", [2, 3, (1, 2), (2, 1)])
@pytest.mark.parametrize("size", [(8, 8), (7, 10)])
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_the_gradient_of_pixels_is_that_of_a_convolution_of_chosen_pixels(
    size, strides, dtype, padding
):
    random = np.random.default_rng(0)
    images = tf.constant(random.normal(size=(3, *size, 4)), tf.float32)
    fast = ProductGradientConv2D(5, 1, strides=strides, padding=padding, dtype=dtype)
    plain = layers.Conv2D(5, 1)  # without strides, the gradient is safe
    fast.build(images.shape)
    plain.build(images.shape)
    plain.set_weights(fast.get_weights())
    down, across = fast.strides
    factors = tf.constant(random.normal(size=fast.compute_output_shape(images.shape)), tf.float32)

    def gradients(answer):
        with tf.GradientTape() as tape:
            tape.watch(images)
            loss = tf.reduce_sum(tf.cast(answer(images), tf.float32) * factors)
        return tape.gradient(loss, images), loss

    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.cast(fast(images), tf.float32) * factors)
    found = tape.gradient(loss, fast.kernel.value)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(plain(images[:, ::down, ::across]) * factors)
    expected = tape.gradient(loss, plain.kernel.value)
    tolerance = 1e-5 if dtype == "float32" else 0.03
    np.testing.assert_allclose(found, expected, atol=tolerance * np.abs(expected).max())
    (to_images, value), (wanted, loss) = (
        gradients(fast),
        gradients(lambda x: plain(x[:, ::down, ::across])),
    )
    np.testing.assert_allclose(to_images, wanted, atol=tolerance * np.abs(wanted).max())
    np.testing.assert_allclose(value, loss, rtol=0.05 if dtype != "float32" else 1e-4, atol=0.5)


def test_the_product_is_used(monkeypatch):
    calls = []
    monkeypatch.setattr(
        convolution, "pixel_gradient", lambda *given: calls.append(given) or tf.zeros((1, 1, 4, 5))
    )
    layer = ProductGradientConv2D(5, 1, strides=2)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(tf.ones((2, 8, 8, 4))))
    tape.gradient(loss, layer.kernel.value)
    assert len(calls) == 1


CHILD = """
import sys
import numpy as np, tensorflow as tf
tf.config.threading.set_intra_op_parallelism_threads(2)
from dfad_tf.compute.fast_layers import ProductGradientConv2D
side, dtype = int(sys.argv[1]), sys.argv[2]
images = np.random.default_rng(0).normal(size=(8, side, side, 4)).astype("float32")
layer = ProductGradientConv2D(16, 1, strides=2, dtype=dtype)
with tf.GradientTape() as tape:
    loss = tf.reduce_sum(tf.cast(layer(images), tf.float32))
found = tape.gradient(loss, layer.kernel.value).numpy()[0, 0]
expected = images[:, ::2, ::2].sum((0, 1, 2))[:, None]
assert np.abs(found - expected).max() < (1e-3 if dtype == "float32" else 0.02) * side * 8
"""


def child(*arguments):
    environment = {**os.environ, "TF_ENABLE_ONEDNN_OPTS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-c", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("side", [32, 128])
def test_the_gradient_is_right_with_onednn(side, dtype):
    done = child(CHILD, str(side), dtype)
    assert done.returncode == 0, done.stderr[-500:]
