"""A training form computes the function of its network, on the network's weights."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dfad_tf.compute.fast_layers import FusedBatchNormalization
from dfad_tf.graphs.training_form import TrainingForm
from tests.conftest import same, small_classifier, weights
from tests.helpers.training_networks import NETWORKS, SHAPE, nested, normal, random_layers, twins

layers = keras.layers


def state(network):
    return [keras.ops.convert_to_numpy(v) for v in network.variables]


def step(call, network, images, training):
    with tf.GradientTape() as tape:
        outputs = call(images, training=training)
        loss = tf.reduce_mean(outputs**2)
    return outputs, tape.gradient(loss, network.trainable_variables)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("build", NETWORKS)
def test_outputs_gradients_and_state_are_those_of_the_network(build, training):
    network, plain = twins(build)
    form, images = TrainingForm(network), normal(8, *SHAPE)
    assert form.clone is not None
    outputs, form_gradients = step(form, network, images, training)
    expected, plain_gradients = step(plain, plain, images, training)
    np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-4)
    assert len(form_gradients) == len(plain_gradients) > 0
    # A bias in front of batch norm has no gradient but rounding, hence the largest one's scale.
    largest = max(float(np.abs(gradient).max()) for gradient in plain_gradients)
    for a, b in zip(form_gradients, plain_gradients, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5 * largest)
    for a, b in zip(state(network), state(plain), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("build", [NETWORKS[0], nested, random_layers])
def test_only_training_mode_updates_the_state(build):
    network, _ = twins(build)
    form, images, before = TrainingForm(network), normal(8, *SHAPE), state(network)
    form(images)
    form(images, training=False)
    assert same(before, state(network))
    form(images, training=True)
    assert not same(before, state(network))
    moved = {v.path for v, b in zip(network.variables, before, strict=True) if np.any(v != b)}
    assert moved <= {v.path for v in network.non_trainable_variables}


def test_the_form_uses_the_current_weights():
    network, images = small_classifier(), normal(4, *SHAPE)
    form = TrainingForm(network)
    network.set_weights([w + 0.5 for w in weights(network)])
    np.testing.assert_allclose(form(images), network(images), rtol=1e-5)


def test_batch_normalization_is_fused_but_a_subclass_is_not():
    class Doubled(layers.BatchNormalization):
        def call(self, inputs, training=None, mask=None):
            return 2 * super().call(inputs, training=training, mask=mask)

    network = keras.Sequential(
        [keras.Input(SHAPE), layers.BatchNormalization(), Doubled(), layers.Flatten()]
    )
    form = TrainingForm(network)
    assert [type(layer) for layer in form.clone.layers[:2]] == [FusedBatchNormalization, Doubled]
    assert type(network.layers[0]) is layers.BatchNormalization
    images = normal(4, *SHAPE)
    np.testing.assert_allclose(form(images), network(images), rtol=1e-5)


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.norm = layers.BatchNormalization(momentum=0.9)
        self.head = layers.Dense(3)

    def call(self, inputs, training=False):
        return self.head(layers.Flatten()(self.norm(inputs, training=training)))


def subclassed():
    network = Subclassed()
    network(np.zeros((1, *SHAPE)))
    return network


class Doubled(layers.Layer):
    """A layer that Keras cannot create from its config, because `factor` is not in it."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def call(self, inputs):
        return self.factor * inputs


def unclonable():
    return keras.Sequential(
        [
            keras.Input(SHAPE),
            layers.BatchNormalization(momentum=0.9),
            Doubled(2.0),
            layers.Flatten(),
            layers.Dense(3),
        ]
    )


@pytest.mark.filterwarnings("ignore:The network cannot run in")
@pytest.mark.parametrize("precision", [None, "mixed_bfloat16"])
@pytest.mark.parametrize("build", [subclassed, unclonable])
def test_a_network_that_cannot_be_cloned_runs_unchanged(build, precision):
    network, plain = twins(build)
    form, images = TrainingForm(network, precision), normal(8, *SHAPE)
    assert form.clone is None and form.compute_dtype == "float32"
    for training in (True, False):
        outputs, form_gradients = step(form, network, images, training)
        expected, plain_gradients = step(plain, plain, images, training)
        np.testing.assert_array_equal(outputs, expected)
        assert same(list(map(np.array, form_gradients)), list(map(np.array, plain_gradients)))
    assert same(weights(network), weights(plain))


def test_an_adapted_normalization_stays_adapted():
    layer, images = layers.Normalization(axis=-1), 20 * normal(64, *SHAPE)
    layer.adapt(images)
    network = keras.Sequential([keras.Input(SHAPE), layer, *small_classifier().layers])
    np.testing.assert_allclose(TrainingForm(network)(images), network(images), atol=1e-4)


def test_a_graph_with_a_call_of_its_own_runs_unchanged():
    class Halved(keras.Sequential):
        def call(self, inputs, training=None, mask=None):
            return super().call(inputs, training=training) / 2

    network = Halved([keras.Input(SHAPE), layers.Flatten(), layers.Dense(3)])
    images = normal(4, *SHAPE)
    np.testing.assert_allclose(TrainingForm(network)(images), network(images), rtol=1e-5)
