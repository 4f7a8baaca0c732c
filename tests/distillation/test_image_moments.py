"""Statistics of single images at a teacher's batch normalizations, against NumPy."""

import keras
import numpy as np

from dfad_tf.distillation import image_moments
from dfad_tf.distillation.image_moments import ImageMoments
from dfad_tf.teachers.teacher_signals import TeacherSignals
from tests.conftest import small_classifier

IMAGES = np.random.default_rng(0).normal(size=(6, 8, 8, 1)).astype(np.float32)


def recorded_teacher(images, filters=4):
    """A teacher that recorded exactly the statistics of some images."""
    teacher = small_classifier(batch_norm=True, filters=filters)
    norm = next(x for x in teacher.layers if isinstance(x, keras.layers.BatchNormalization))
    inputs = np.array(keras.Model(teacher.inputs[0], norm.input)(images))
    norm.moving_mean.assign(inputs.mean((0, 1, 2)))
    norm.moving_variance.assign(inputs.var((0, 1, 2)))
    return teacher, norm


def test_statistics_of_each_image():
    teacher, norm = recorded_teacher(IMAGES[:3])
    moments = ImageMoments(TeacherSignals(teacher))
    logits, found = moments.of(IMAGES)
    np.testing.assert_allclose(logits, teacher(IMAGES), rtol=1e-4, atol=1e-5)
    inputs = np.array(keras.Model(teacher.inputs[0], norm.input)(IMAGES))
    mean, variance = np.array(norm.moving_mean), np.array(norm.moving_variance)
    offsets = (inputs - mean) / np.sqrt(variance + 1e-3)
    expected = [offsets.mean((1, 2)), (offsets**2).mean((1, 2)) - variance / (variance + 1e-3)]
    np.testing.assert_allclose(found, np.concatenate(expected, 1), rtol=1e-3, atol=1e-4)
    assert found.shape == (6, moments.count) == (6, 8)


def test_they_average_to_0_over_the_images_that_were_recorded_and_no_others():
    teacher, *_ = recorded_teacher(IMAGES[:3])
    moments = ImageMoments(TeacherSignals(teacher))
    np.testing.assert_allclose(moments.of(IMAGES[:3])[1].mean(0), 0, atol=1e-4)
    assert abs(moments.of(3 * IMAGES[:3])[1].mean(0)).max() > 1


def test_a_teacher_without_batch_normalization_has_no_statistics():
    moments = ImageMoments(TeacherSignals(small_classifier()))
    assert moments.count == 0 and moments.of(IMAGES)[1].shape == (6, 0)


def test_many_channels_are_seen_through_random_sums(monkeypatch):
    teacher, *_ = recorded_teacher(IMAGES[:3], filters=200)
    every = ImageMoments(TeacherSignals(teacher)).of(IMAGES)[1]
    monkeypatch.setattr(image_moments, "_MOST_STATISTICS", 128)
    few = ImageMoments(TeacherSignals(teacher))
    assert every.shape == (6, 400) and few.count == 128
    found = few.of(IMAGES)[1]
    # Lengths are kept, up to the number of sums.
    np.testing.assert_allclose(
        np.linalg.norm(found, axis=1), np.linalg.norm(every, axis=1), rtol=0.3
    )
    np.testing.assert_allclose(found[:3].mean(0), 0, atol=1e-3)
