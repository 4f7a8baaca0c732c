"""Coupled weight decay against a hand-worked sequence."""

import keras
import numpy as np
import pytest

from dfad_tf.optimizers import CoupledSGD


def test_decay_is_coupled_to_momentum():
    variable = keras.Variable(1.0)
    optimizer = CoupledSGD(0.1, momentum=0.9, coupled_weight_decay=0.5)
    weight, velocity = 1.0, 0.0
    for gradient in (0.2, -0.1, 0.3):
        optimizer.apply([np.float32(gradient)], [variable])
        # PyTorch's form: the decay joins the gradient before the momentum.
        velocity = 0.9 * velocity + gradient + 0.5 * weight
        weight -= 0.1 * velocity
        assert float(variable) == pytest.approx(weight, rel=1e-5)


def test_it_differs_from_the_decoupled_decay_of_keras():
    ours, theirs = keras.Variable(1.0), keras.Variable(1.0)
    coupled = CoupledSGD(0.1, momentum=0.9, coupled_weight_decay=0.5)
    decoupled = keras.optimizers.SGD(0.1, momentum=0.9, weight_decay=0.5)
    for _ in range(2):
        coupled.apply([np.float32(0.0)], [ours])
        decoupled.apply([np.float32(0.0)], [theirs])
    assert float(ours) == pytest.approx(0.8575)
    assert float(theirs) == pytest.approx(0.9025)


def test_serialization():
    optimizer = CoupledSGD(0.1, momentum=0.9, coupled_weight_decay=5e-4, nesterov=True)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(optimizer))
    assert again.coupled_weight_decay == 5e-4 and again.nesterov and again.momentum == 0.9
