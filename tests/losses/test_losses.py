"""Discrepancies compared with NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dfad_tf import losses
from dfad_tf.utils.errors import InputError

TEACHER = np.array([[2.0, -1.0, 0.5], [0.0, 3.0, -2.0]], np.float32)
STUDENT = np.array([[1.0, 0.0, 0.5], [1.0, 1.0, 1.0]], np.float32)


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def test_mean_absolute_error_averages_over_batch_and_classes():
    # Eq. 1 on logits: (1 + 1 + 0 + 1 + 2 + 3) / 6.
    assert float(losses.get("mae")(TEACHER, STUDENT)) == pytest.approx(8 / 6)


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_kullback_leibler(temperature):
    p, q = softmax(TEACHER / temperature), softmax(STUDENT / temperature)
    expected = temperature**2 * np.mean(np.sum(p * np.log(p / q), -1))
    loss = losses.get("kl", temperature=temperature)
    assert float(loss(TEACHER, STUDENT)) == pytest.approx(expected, rel=1e-5)


def test_kullback_leibler_keeps_the_gradient_of_saturated_rows():
    teacher = tf.constant([[200.0, 0.0, 0.0]])
    student = tf.Variable([[0.0, 200.0, 0.0]])
    with tf.GradientTape() as tape:
        loss = losses.get("kl")(teacher, student)
    np.testing.assert_allclose(tape.gradient(loss, student), [[-1.0, 1.0, 0.0]], atol=1e-6)


def test_jensen_shannon_is_symmetric_and_bounded():
    p, q = softmax(TEACHER), softmax(STUDENT)
    m = (p + q) / 2
    expected = np.mean(0.5 * np.sum(p * np.log(p / m) + q * np.log(q / m), -1))
    loss = losses.get("js")
    assert float(loss(TEACHER, STUDENT)) == pytest.approx(expected, rel=1e-5)
    assert float(loss(STUDENT, TEACHER)) == pytest.approx(expected, rel=1e-5)
    far = float(loss(np.array([[99.0, 0.0]]), np.array([[0.0, 99.0]])))
    assert far == pytest.approx(np.log(2), rel=1e-5)


@pytest.mark.parametrize("name", sorted(losses.DISCREPANCIES))
def test_each_discrepancy_is_zero_for_equal_logits_and_can_be_serialized(name):
    loss = losses.get(name)
    assert float(loss(TEACHER, TEACHER)) == pytest.approx(0.0, abs=1e-6)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert float(again(TEACHER, STUDENT)) == pytest.approx(float(loss(TEACHER, STUDENT)))


def test_errors():
    with pytest.raises(InputError, match="`discrepancy`.*Did you mean 'mae'"):
        losses.get("maee")
    with pytest.raises(ValueError, match="temperature=0"):
        losses.get("kl", temperature=0)
