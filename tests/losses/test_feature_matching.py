"""Feature matching, against NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dfad_tf.losses import FeatureMatching


def maps(seed):
    random = np.random.default_rng(seed)
    return [random.normal(size=shape).astype("f4") for shape in ((2, 4, 4, 3), (2, 2, 2, 5))]


def test_it_is_the_relative_squared_distance_averaged_over_the_pairs():
    teacher, student = maps(0), maps(1)
    expected = np.mean(
        [np.mean((s - t) ** 2) / np.mean(t**2) for t, s in zip(teacher, student, strict=True)]
    )
    assert float(FeatureMatching()(teacher, student)) == pytest.approx(expected, rel=1e-5)
    assert float(FeatureMatching()(teacher, teacher)) == 0.0


def test_it_does_not_depend_on_the_scale_of_the_features():
    teacher, student = maps(0), maps(1)
    larger = [[100 * m for m in each] for each in (teacher, student)]
    expected = float(FeatureMatching()(teacher, student))
    assert float(FeatureMatching()(*larger)) == pytest.approx(expected, rel=1e-4)


def test_features_that_are_all_zero_give_a_finite_value():
    zeros = [np.zeros((2, 4, 4, 3), "f4")]
    assert np.isfinite(float(FeatureMatching()(zeros, zeros)))


def test_low_precision_is_compared_in_float32():
    teacher, student = ([tf.cast(m, tf.bfloat16) for m in maps(seed)] for seed in (0, 1))
    assert FeatureMatching()(teacher, student).dtype == tf.float32


def test_serialization():
    loss = FeatureMatching(0.5, ["a"], ["b"])
    again = FeatureMatching.from_config(loss.get_config())
    assert again.get_config() == loss.get_config()
    saved = keras.saving.serialize_keras_object(loss)
    assert keras.saving.deserialize_keras_object(saved).get_config() == loss.get_config()
