"""A flat network computes what the nested one does, on the same layers."""

import keras
import numpy as np
import pytest

from dfad_tf.graphs.flattening import flattened
from tests.conftest import small_classifier

LAYERS = keras.layers


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_a_flat_network_has_the_same_outputs_and_layers(depth):
    network = core = small_classifier(batch_norm=True)
    for _ in range(depth):
        network = keras.Sequential([keras.Input((8, 8, 1)), network])
    flat = flattened(network)
    images = np.random.default_rng(0).normal(size=(3, 8, 8, 1)).astype("f4")
    np.testing.assert_allclose(flat(images), network(images, training=False), atol=1e-6)
    assert [layer for layer in flat.layers if layer.weights] == [
        layer for layer in core.layers if layer.weights
    ]
    assert not [layer for layer in flat.layers if isinstance(layer, keras.Model)]


def test_networks_that_cannot_be_flattened():
    class Own(keras.Model):
        def call(self, inputs):
            return inputs

    assert flattened(Own()) is None
    same = [keras.Sequential([keras.Input((3,)), LAYERS.Dense(3, name="d")]) for _ in range(2)]
    assert flattened(keras.Sequential([keras.Input((3,)), *same])) is None
