"""The distance to the statistics that the teacher keeps, against plain NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dfad_tf.synthesis.objectives import BatchNormStatistics, ForwardPass

LOGITS = np.zeros((6, 3), "f4")


def term(*layers):
    return BatchNormStatistics().call(ForwardPass(None, LOGITS, batch_norm=layers))


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).normal(1.0, 2.0, shape).astype("f4")


def distance(inputs, mean, variance):
    axes = tuple(range(inputs.ndim - 1))
    found = inputs.astype("f8")
    return np.linalg.norm(found.mean(axes) - mean) + np.linalg.norm(found.var(axes) - variance)


def test_it_is_the_sum_of_both_distances_over_all_layers():
    maps, features = drawn(6, 4, 5, 3), drawn(6, 2, seed=1)
    kept = [(np.array([0.5, -1.0, 2.0]), np.array([1.0, 2.0, 0.5])), (np.zeros(2), np.ones(2))]
    layers = [(maps, *kept[0]), (features, *kept[1])]
    expected = sum(distance(*layer) for layer in layers)
    assert float(term(*layers)) == pytest.approx(expected, rel=1e-5)


def test_it_is_zero_for_equal_statistics_with_a_finite_gradient():
    inputs = drawn(6, 4, 4, 3)
    mean, variance = inputs.mean((0, 1, 2)), inputs.var((0, 1, 2))
    variable = tf.Variable(inputs)
    with tf.GradientTape() as tape:
        value = term((variable, mean, variance))
    assert float(value) < 1e-5
    assert np.isfinite(tape.gradient(value, variable)).all()
    assert float(term((inputs + 1, mean, variance))) == pytest.approx(np.sqrt(3), rel=1e-4)


def test_it_is_zero_for_a_teacher_without_batch_norm():
    assert float(term()) == 0.0


def test_inputs_of_low_precision_are_compared_in_float32():
    inputs = tf.cast(drawn(6, 4, 4, 3), tf.bfloat16)
    value = term((inputs, np.zeros(3, "f4"), np.ones(3, "f4")))
    assert value.dtype == tf.float32
    expected = distance(np.array(tf.cast(inputs, tf.float32)), np.zeros(3), np.ones(3))
    assert float(value) == pytest.approx(expected, rel=1e-4)


def test_serialization_and_what_it_needs():
    objective = BatchNormStatistics(0.5, name="statistics")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(objective))
    assert (again.weight, again.name) == (0.5, "statistics")
    assert again.needs_batch_norm and not again.needs_student and not again.needs_features


def test_the_running_average_is_compared_and_only_the_current_batch_has_a_gradient():
    mean, variance = np.array([0.5, -1.0], "f4"), np.array([1.0, 2.0], "f4")
    objective = BatchNormStatistics(momentum=0.75)
    objective.build([(mean, variance)])
    running = None
    for seed in range(3):
        inputs = drawn(6, 4, 4, 2, seed=seed)
        found = inputs.mean((0, 1, 2)), inputs.var((0, 1, 2))
        first = running is None
        running = [
            new if first else 0.75 * old + 0.25 * new
            for old, new in zip(running or found, found, strict=True)
        ]
        expected = sum(
            np.linalg.norm(a - b) for a, b in zip(running, (mean, variance), strict=True)
        )
        variable = tf.Variable(inputs)
        with tf.GradientTape() as tape:
            value = objective.call(
                ForwardPass(None, LOGITS, batch_norm=((variable, mean, variance),))
            )
        assert float(value) == pytest.approx(expected, rel=1e-4)
        np.testing.assert_allclose(objective.variables[0], running[0], rtol=1e-4)
        gradient = tape.gradient(value, variable).numpy()
        # Of the mean's distance alone: the variance does not react to a shift of all values.
        direction = (running[0] - mean) / np.linalg.norm(running[0] - mean)
        np.testing.assert_allclose(gradient.sum((0, 1, 2)), 0.25 * direction, atol=1e-3)


def test_a_term_is_built_again_for_another_teacher():
    objective = BatchNormStatistics(momentum=0.5)
    assert objective.variables == []
    objective.build([(np.zeros(2), np.ones(2))])
    assert [tuple(v.shape) for v in objective.variables] == [(2,), (2,), ()]
    objective.build([(np.zeros(3), np.ones(3)), (np.zeros(4), np.ones(4))])
    assert [tuple(v.shape) for v in objective.variables] == [(3,), (3,), (4,), (4,), ()]
    objective.build([])
    assert objective.variables == []
    plain = BatchNormStatistics()
    plain.build([(np.zeros(2), np.ones(2))])
    assert plain.variables == []


def test_the_momentum_is_checked_and_saved():
    for momentum in (-0.1, 1.0):
        with pytest.raises(ValueError, match=f"Received: momentum={momentum}"):
            BatchNormStatistics(momentum=momentum)
    saved = keras.saving.serialize_keras_object(BatchNormStatistics(momentum=0.9))
    assert keras.saving.deserialize_keras_object(saved).momentum == 0.9


def test_the_relative_distance_has_no_unit_and_no_width():
    inputs, mean, variance = drawn(64, 4, 5, 3), np.array([0.5, -1.0, 2.0]), np.array([1.0, 2, 0.5])
    objective = BatchNormStatistics(scale="relative")

    def value(*layer):
        return float(objective.call(ForwardPass(None, LOGITS, batch_norm=[layer])))

    found, known = inputs.astype("f8"), variance + 1e-3
    expected = np.linalg.norm((found.mean((0, 1, 2)) - mean) / np.sqrt(known)) / np.sqrt(3)
    expected += np.linalg.norm((found.var((0, 1, 2)) - variance) / known) / np.sqrt(3)
    assert value(inputs, mean, variance) == pytest.approx(expected, rel=1e-4)
    assert value(100 * inputs, 100 * mean, 1e4 * variance) == pytest.approx(expected, rel=1e-2)
    twice = [np.concatenate([part, part], -1) for part in (inputs, mean, variance)]
    assert value(*twice) == pytest.approx(expected, rel=1e-4)
    with pytest.raises(ValueError, match="scale='square'"):
        BatchNormStatistics(scale="square")
