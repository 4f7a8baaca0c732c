"""Networks with convolutions whose gradients overwrite memory."""

import keras
import numpy as np
import pytest

from dfad_tf import models
from dfad_tf.compute.fast_layers import ProductGradientConv2D
from dfad_tf.graphs.safe_gradients import safe_copy, unsafe_layers
from dfad_tf.graphs.training_form import TrainingForm


def test_narrow_shortcuts_with_strides_are_unsafe():
    found = unsafe_layers(models.build("compact_8", (32, 32, 3), 4))
    assert [layer.filters for layer in found] == [16]
    assert unsafe_layers(models.build("compact_16", (32, 32, 3), 4)) == []
    frozen = models.build("compact_8", (32, 32, 3), 4)
    frozen.trainable = False
    assert unsafe_layers(frozen) == []


@pytest.mark.parametrize("nested", [False, True])
def test_a_safe_copy_computes_the_same(nested):
    network = models.build("compact_4", (16, 16, 3), 4, [0.5] * 3, [0.2] * 3)
    if nested:
        inputs = keras.Input((16, 16, 3))
        network = keras.Model(inputs, network(inputs))
    copy = safe_copy(network)
    assert copy is not network and unsafe_layers(copy) == []
    images = np.random.default_rng(0).uniform(size=(4, 16, 16, 3))
    np.testing.assert_allclose(copy(images), network(images), rtol=1e-5, atol=1e-6)


def test_a_safe_network_is_not_copied():
    network = models.build("lenet5", (32, 32, 1), 4)
    assert safe_copy(network) is network


def test_training_runs_the_safe_form():
    form = TrainingForm(models.build("compact_8", (32, 32, 3), 4))
    assert unsafe_layers(form.clone) == []
    kinds = [type(layer) for layer in form.clone.layers if isinstance(layer, keras.layers.Conv2D)]
    assert set(kinds) == {ProductGradientConv2D}


class OwnCall(keras.Model):
    """A model that Keras cannot clone."""

    def __init__(self):
        super().__init__(name="own")
        self.first = keras.layers.Conv2D(8, 1, strides=2, name="narrow")
        self.first.build((None, 8, 8, 4))

    def call(self, images):
        return keras.ops.mean(self.first(images), (1, 2))


def test_a_network_that_cannot_be_cloned_is_warned_of():
    with pytest.warns(UserWarning, match="own may end the process.*narrow"):
        TrainingForm(OwnCall())
