"""The distance of images from what a teacher's batch normalizations recorded."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dfad_tf.teachers.teacher_signals import TeacherSignals
from dfad_tf.trust.recorded_statistics import RecordedStatistics
from tests.conftest import small_classifier

IMAGES = np.random.default_rng(0).normal(0.3, 2.0, (12, 8, 8, 1)).astype("float32")


def teacher_of(images):
    """A teacher whose batch normalization has recorded what some images do to it."""
    keras.utils.set_random_seed(0)
    model = small_classifier(batch_norm=True)
    norm = next(x for x in model.layers if isinstance(x, keras.layers.BatchNormalization))
    inputs = keras.Model(model.inputs[0], norm.input)(images).numpy()
    norm.moving_mean.assign(inputs.mean((0, 1, 2)))
    norm.moving_variance.assign(inputs.var((0, 1, 2)))
    return model


def test_it_is_the_divergence_of_normal_distributions():
    model = teacher_of(IMAGES)
    statistics = RecordedStatistics(TeacherSignals(model))
    norm = next(x for x in model.layers if isinstance(x, keras.layers.BatchNormalization))
    others = IMAGES[:7] * 1.5 + 0.4
    inputs = keras.Model(model.inputs[0], norm.input)(others).numpy().astype(float)
    mean, variance = inputs.mean((0, 1, 2)), inputs.var((0, 1, 2)) + 1e-3
    wanted = norm.moving_variance.numpy() + 1e-3
    expected = 0.5 * np.mean(
        variance / wanted
        - 1
        - np.log(variance / wanted)
        + (mean - norm.moving_mean.numpy()) ** 2 / wanted
    )
    logits, found, _ = statistics.answers(others, batch_size=3)
    assert found == pytest.approx([expected], rel=1e-3)
    np.testing.assert_allclose(logits, model(others), rtol=1e-4, atol=1e-4)
    answers = statistics.signals.observe(tf.constant(others))
    one_batch = statistics.distances(answers.activations)
    assert float(one_batch[0]) == pytest.approx(expected, rel=1e-3)


def test_the_recorded_images_have_no_distance_and_others_have():
    statistics = RecordedStatistics(TeacherSignals(teacher_of(IMAGES)))
    assert statistics.answers(IMAGES, 5)[1] == pytest.approx([0.0], abs=1e-4)
    assert statistics.answers(0.1 * IMAGES, 5)[1][0] > 0.5


def test_a_teacher_without_batch_normalization_has_no_layers():
    statistics = RecordedStatistics(TeacherSignals(small_classifier()))
    assert statistics.count == 0
    assert statistics.answers(IMAGES, 5)[1] == []


def test_channels_that_are_not_last_are_left_out():
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.BatchNormalization(axis=1)(keras.layers.Conv2D(3, 3)(inputs))
    x = keras.layers.BatchNormalization()(x)
    model = keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Flatten()(x)))
    statistics = RecordedStatistics(TeacherSignals(model))
    assert statistics.count == 1
    assert len(statistics.answers(IMAGES, 5)[1]) == 1


def test_the_halves_of_a_set_are_as_far_apart_as_its_source_varies():
    teacher = teacher_of(IMAGES)
    statistics = RecordedStatistics(TeacherSignals(teacher))
    second_recorded = RecordedStatistics(TeacherSignals(teacher_of(IMAGES[:6])))
    found = statistics.answers(IMAGES, 4)
    # The distance of the second half from what a teacher would have recorded of the first.
    expected = second_recorded.answers(IMAGES[6:], 4).distances
    assert found.between_halves == pytest.approx(expected, rel=1e-2) and expected[0] > 0
    other = np.concatenate([IMAGES[:6], 3 * IMAGES[6:]])
    assert statistics.answers(other, 4).between_halves[0] > 10 * found.between_halves[0]
    assert statistics.answers(IMAGES[:1], 4).between_halves == []
