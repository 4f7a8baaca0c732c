"""Up-sampling and convolution in one layer, compared with the two layers of Keras."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dfad_tf.synthesis.generators.upsampled_convolution import UpsampledConv2D
from tests.conftest import same

SIZES = [(1, 1), (1, 5), (2, 3), (5, 4), (7, 7)]


def pair(size, channels=3, filters=4, **arguments):
    """The two layers of Keras, and the layer of this package, with the same weights."""
    kernel, bias = np.random.default_rng(1), np.random.default_rng(2)
    values = [kernel.normal(size=(3, 3, channels, filters))]
    if arguments.get("use_bias", True):
        values.append(bias.normal(size=filters))
    inputs = keras.Input((*size, channels))
    two = keras.Sequential(
        [
            inputs,
            keras.layers.UpSampling2D(),
            keras.layers.Conv2D(filters, 3, padding="same", **arguments),
        ]
    )
    one = keras.Sequential([keras.Input((*size, channels)), UpsampledConv2D(filters, **arguments)])
    for model in (two, one):
        model.set_weights(values)
    return two, one


def images(size, channels=3, count=2):
    random = np.random.default_rng(0)
    return random.normal(size=(count, *size, channels)).astype("float32")


@pytest.mark.parametrize(
    "arguments", [{}, {"use_bias": False}, {"activation": "relu"}, {"activation": "tanh"}]
)
@pytest.mark.parametrize("size", SIZES)
def test_it_is_up_sampling_and_convolution_borders_included(size, arguments):
    two, one = pair(size, **arguments)
    inputs = images(size)
    expected = two(inputs).numpy()
    assert one(inputs).shape == expected.shape == (2, 2 * size[0], 2 * size[1], 4)
    np.testing.assert_allclose(one(inputs), expected, atol=1e-5)


@pytest.mark.parametrize("size", SIZES)
def test_its_gradients_are_those_of_the_two_layers(size):
    inputs, found = tf.constant(images(size)), []
    factors = np.random.default_rng(3).normal(size=(2, 2 * size[0], 2 * size[1], 4))
    for model in pair(size):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            loss = tf.reduce_sum(model(inputs) * factors)
        found.append(tape.gradient(loss, [inputs, *model.trainable_variables]))
    assert len(found[0]) == 3
    for expected, ours in zip(*found, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-4)


def test_the_size_of_the_batch_may_stay_open():
    two, one = pair((3, 2))
    assert one.output_shape == (None, 6, 4, 4)
    compiled = tf.function(one, input_signature=[tf.TensorSpec((None, 3, 2, 3))])
    for count in (1, 5):
        inputs = images((3, 2), count=count)
        np.testing.assert_allclose(compiled(inputs), two(inputs), atol=1e-5)


def test_a_loaded_layer_has_the_saved_settings(tmp_path):
    _, one = pair((4, 3), activation="tanh", use_bias=False)
    one.save(tmp_path / "one.keras")
    again = keras.models.load_model(tmp_path / "one.keras")
    assert again.layers[0].get_config() == one.layers[0].get_config()
    assert same(again.get_weights(), one.get_weights())
    np.testing.assert_array_equal(again(images((4, 3))), one(images((4, 3))))


def test_in_half_precision_its_weights_stay_float32():
    layer = UpsampledConv2D(4, dtype="mixed_bfloat16")
    outputs = layer(tf.cast(images((4, 4)), tf.bfloat16))
    assert outputs.dtype == tf.bfloat16 and layer.kernel.dtype == "float32"
    exact = UpsampledConv2D(4)
    exact.build((None, 4, 4, 3))
    exact.set_weights(layer.get_weights())
    np.testing.assert_allclose(tf.cast(outputs, tf.float32), exact(images((4, 4))), atol=0.1)
