"""Statistics of batch normalizations over a set of images."""

import keras
import numpy as np
import pytest

from dfad_tf.students.batch_norm_estimation import estimate_batch_norm, moments
from dfad_tf.utils.errors import InputError
from tests.conftest import same, small_classifier
from tests.helpers.residual_networks import answers, deep, images

layers = keras.layers


def test_the_statistics_are_those_of_one_batch_of_all_images():
    network, pixels = deep(), images(300)  # more than a chunk
    assert estimate_batch_norm(network, pixels) == 11
    in_training = keras.ops.convert_to_numpy(network(pixels, training=True))
    estimate_batch_norm(network, pixels)  # the call in training mode moved the statistics
    np.testing.assert_allclose(answers(network, pixels), in_training, atol=1e-4)


def test_the_input_of_a_layer_is_computed_with_the_statistics_before_it():
    network = keras.Sequential(
        [keras.Input((3,)), layers.BatchNormalization(), layers.BatchNormalization()]
    )
    values = np.random.default_rng(0).normal(5.0, 3.0, (1000, 3)).astype("float32")
    assert estimate_batch_norm(network, values) == 2
    first, second = network.layers
    np.testing.assert_allclose(first.moving_mean, values.mean(0), rtol=1e-5)
    np.testing.assert_allclose(first.moving_variance, values.var(0), rtol=1e-5)
    np.testing.assert_allclose(second.moving_mean, np.zeros(3), atol=1e-5)
    np.testing.assert_allclose(second.moving_variance, np.ones(3), atol=1e-3)


def test_the_order_of_the_images_does_not_matter_and_other_weights_stay():
    network = deep()
    trained = [np.array(w) for w in network.trainable_weights]
    estimate_batch_norm(network, images(40))
    before = [np.array(w) for w in network.non_trainable_weights]
    estimate_batch_norm(network, images(40)[::-1])
    for old, new in zip(before, network.non_trainable_weights, strict=True):
        np.testing.assert_allclose(old, new, rtol=1e-4, atol=1e-5)
    assert same(trained, [np.array(w) for w in network.trainable_weights])


def test_a_small_variance_around_a_large_mean_is_exact():
    values = 1e4 + np.random.default_rng(0).normal(size=(500, 2)).astype("float32")
    mean, variance = moments([values[:100], values[100:]])
    np.testing.assert_allclose(mean, values.astype("float64").mean(0), rtol=1e-12)
    np.testing.assert_allclose(variance, values.astype("float64").var(0), rtol=1e-9)


def test_the_axis_of_the_channels_may_be_another():
    values = np.random.default_rng(0).normal(size=(10, 2, 5)).astype("float32")
    mean, _ = moments([values], axis=1)
    np.testing.assert_allclose(mean, values.mean((0, 2)), rtol=1e-4)


def test_a_network_without_batch_norm_stays_and_another_object_is_refused():
    assert estimate_batch_norm(small_classifier(), images(4, (8, 8, 1))) == 0
    with pytest.raises(InputError, match="functional or sequential"):
        estimate_batch_norm(keras.Model(), images(4))
