"""Optimizers: coupled weight decay, scaled schedules and reduced learning rates."""

import keras
import numpy as np
import pytest

from dfad_tf.compute.optimizers import (
    CoupledSGD,
    ScaledSchedule,
    make_optimizer,
    slow_down,
    with_loss_scaling,
)
from dfad_tf.utils.errors import InputError


def test_weight_decay_is_coupled_to_the_momentum():
    variable = keras.Variable(1.0)
    optimizer = CoupledSGD(0.1, momentum=0.9, coupled_weight_decay=0.5)
    weight, velocity = 1.0, 0.0
    for gradient in (0.2, -0.1, 0.3):
        optimizer.apply([np.float32(gradient)], [variable])
        # PyTorch's form: the decay is added to the gradient before the momentum.
        velocity = 0.9 * velocity + gradient + 0.5 * weight
        weight -= 0.1 * velocity
        assert float(variable) == pytest.approx(weight, rel=1e-5)


def test_the_result_differs_from_the_decoupled_decay_of_keras():
    first, second = keras.Variable(1.0), keras.Variable(1.0)
    coupled = CoupledSGD(0.1, momentum=0.9, coupled_weight_decay=0.5)
    decoupled = keras.optimizers.SGD(0.1, momentum=0.9, weight_decay=0.5)
    for _ in range(2):
        coupled.apply([np.float32(0.0)], [first])
        decoupled.apply([np.float32(0.0)], [second])
    assert float(first) == pytest.approx(0.8575)
    assert float(second) == pytest.approx(0.9025)


def test_serialization():
    optimizer = CoupledSGD(0.1, momentum=0.9, coupled_weight_decay=5e-4, nesterov=True)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(optimizer))
    assert again.coupled_weight_decay == 5e-4 and again.nesterov and again.momentum == 0.9


def decay(rate):
    return keras.optimizers.schedules.CosineDecay(rate, 10)


@pytest.mark.parametrize("scaled", [False, True], ids=["plain", "loss_scaling"])
@pytest.mark.parametrize("kind", ["rate", "schedule"])
def test_the_learning_rate_is_reduced_repeatedly(kind, scaled):
    rate = 0.4 if kind == "rate" else decay(0.4)
    optimizer = with_loss_scaling(keras.optimizers.SGD(rate), scaled)
    variable = keras.Variable([1.0])
    optimizer.build([variable])
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    slow_down(optimizer, 0.25, 0.25)
    assert float(inner.learning_rate) == pytest.approx(0.1)
    slow_down(optimizer, 0.0625, 0.25)  # both factors for a schedule, the last one for a number
    assert float(inner.learning_rate) == pytest.approx(0.025)
    slow_down(optimizer, 0.0625, 1.0)  # the backup of a number contains the factor already
    assert float(inner.learning_rate) == pytest.approx(0.025)
    optimizer.apply([optimizer.scale_loss(np.ones(1, "float32"))], [variable])
    assert float(variable[0]) == pytest.approx(1 - 0.025)


def test_a_scaled_schedule_and_its_configuration():
    schedule = ScaledSchedule(decay(0.4), 0.5)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(schedule))
    for step in (0, 3, 10):
        assert float(again(step)) == float(schedule(step)) == 0.5 * float(decay(0.4)(step))
    optimizer = keras.optimizers.Adam(schedule)
    restored = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert float(restored.learning_rate) == pytest.approx(0.2)


def test_errors_name_the_arguments():
    with pytest.raises(InputError, match="`weight_decay` with the optimizer sgd.*0.1 with adam"):
        make_optimizer("adam", 1e-3, 0.1)
    with pytest.raises(InputError, match="`optimizer`.*'rmsprop'"):
        make_optimizer("rmsprop", 1e-3)
