"""Eq. 9 against numbers worked out by hand, and λ against its distribution."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from dfad_tf.methods.interpolation import VirtualInterpolation

KEY = tf.constant([3, 4])


def test_blend_is_equation_9():
    first = (tf.constant([[[[0.0]]], [[[4.0]]]]), tf.constant([[2.0, 0.0], [1.0, 1.0]]))
    second = (tf.constant([[[[8.0]]], [[[0.0]]]]), tf.constant([[0.0, 4.0], [3.0, -1.0]]))
    images, logits = VirtualInterpolation().blend(first, second, tf.constant([0.25, 0.5]))
    np.testing.assert_allclose(images[:, 0, 0, 0], [6.0, 2.0])
    np.testing.assert_allclose(logits, [[0.5, 3.0], [2.0, 0.0]])


def test_probabilities_are_blended_as_probabilities():
    first = (tf.zeros((1, 2)), tf.constant([[50.0, 0.0]]))
    second = (tf.zeros((1, 2)), tf.constant([[0.0, 50.0]]))
    blend = VirtualInterpolation(labels="probabilities")
    _, logits = blend.blend(first, second, tf.constant([0.25]))
    np.testing.assert_allclose(tf.nn.softmax(logits), [[0.25, 0.75]], atol=1e-5)
    # An image blended with itself keeps its logits, whatever the discrepancy.
    _, logits = blend.blend(first, first, tf.constant([0.25]))
    np.testing.assert_allclose(logits[0, 0], 50.0, atol=1e-4)


def test_one_coefficient_a_batch_or_a_sample():
    a_batch = VirtualInterpolation().coefficients(64, KEY).numpy()
    assert np.unique(a_batch).size == 1
    a_sample = VirtualInterpolation(per_sample=True).coefficients(64, KEY).numpy()
    assert np.unique(a_sample).size == 64


@pytest.mark.parametrize("alpha", [0.3, 1.0, 4.0])
def test_coefficients_follow_the_beta_distribution(alpha):
    drawn = VirtualInterpolation(alpha=alpha, per_sample=True).coefficients(5000, KEY).numpy()
    assert drawn.min() >= 0 and drawn.max() <= 1
    assert stats.kstest(drawn, stats.beta(alpha, alpha).cdf).pvalue > 1e-3


def test_a_key_draws_the_same_again_and_another_key_does_not():
    blend = VirtualInterpolation(per_sample=True)
    np.testing.assert_array_equal(blend.coefficients(8, KEY), blend.coefficients(8, KEY))
    assert not np.array_equal(blend.coefficients(8, KEY), blend.coefficients(8, KEY + 1))


def test_count_is_the_share_and_at_least_one():
    assert VirtualInterpolation(share=0.25).count(256) == 64
    assert VirtualInterpolation(share=0.01).count(8) == 1


def test_serialization():
    blend = VirtualInterpolation(0.5, 0.3, True, "fresh", "replace", 0.5, "probabilities")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(blend))
    assert again.get_config() == blend.get_config()


@pytest.mark.parametrize(
    "arguments",
    [{"partner": "x"}, {"mode": "x"}, {"labels": "x"}, {"weight": 0}, {"alpha": -1}, {"share": 0}],
)
def test_errors(arguments):
    with pytest.raises(ValueError, match=f"{next(iter(arguments))}.*Received"):
        VirtualInterpolation(**arguments)
