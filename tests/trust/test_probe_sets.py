"""The images on which student and teacher are compared after training."""

import keras
import numpy as np
import pytest

from dfad_tf.data.pixel_contract import PixelContract
from dfad_tf.teachers.teacher_signals import TeacherSignals
from dfad_tf.trust.evidence import evenness, probe_evidence
from dfad_tf.trust.matched_images import matched_images
from dfad_tf.trust.probe_sets import likeliest, probe_sets
from dfad_tf.trust.recorded_statistics import RecordedStatistics
from tests.conftest import small_classifier

CONTRACT = PixelContract("zero_one")


@pytest.fixture(scope="module")
def statistics():
    keras.utils.set_random_seed(1)
    return RecordedStatistics(TeacherSignals(small_classifier((12, 12, 1), batch_norm=True)))


def test_each_class_gets_the_images_that_are_most_of_it():
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.1, 0.9]])
    places, labels = likeliest(probabilities, 4, 2)
    assert sorted(labels[:2]) == [0, 1] and sorted(labels[2:]) == [0, 1]
    assert places[labels == 0].tolist() == [0, 1]
    assert places[labels == 1].tolist() == [3, 2]  # no image twice, although it has only one


def test_fewer_images_than_classes_are_even_if_each_has_its_own():
    probabilities = np.random.default_rng(0).dirichlet(np.ones(1000), 60)
    _, labels = likeliest(probabilities, 40, 1000)
    assert len(set(labels)) == 40 and labels.max() > 500
    assert evenness(labels, 1000) == pytest.approx(1)
    assert evenness(np.arange(30) % 3, 3) == pytest.approx(1)
    assert evenness(np.array([0] * 20 + [1] * 20), 1000) < 0.3


def test_a_search_brings_images_to_their_class_and_to_the_statistics(statistics):
    random = np.random.default_rng(0)
    starts = random.uniform(0, 1, (24, 12, 12, 1)).astype("float32")
    labels = np.arange(24) % 3
    found = matched_images(starts, labels, statistics, CONTRACT, 12)
    assert found.min() >= 0 and found.max() <= 1

    def state(images):
        logits, distances, _ = statistics.answers(images, 12)
        return (logits.argmax(-1) == labels).mean(), distances[0]

    before, after = state(starts), state(found)
    assert after[0] > before[0] + 0.2
    assert after[1] < before[1]


def test_the_sets_are_reproducible_and_within_the_range(statistics):
    generated = np.full((5, 12, 12, 1), 0.5, "float32")
    first, second = (probe_sets(statistics, CONTRACT, generated) for _ in range(2))
    assert list(first) == ["generated", "drawn", "matched", "blended", "corrupted"]
    for name, images in first.items():
        assert images.dtype == np.float32 and images.shape[1:] == (12, 12, 1)
        assert images.min() >= 0 and images.max() <= 1 + 1e-6
        np.testing.assert_array_equal(images, second[name])
    assert "generated" not in probe_sets(statistics, CONTRACT, None)


def test_a_copy_of_the_teacher_agrees_and_a_constant_student_is_found(statistics):
    teacher = statistics.signals.teacher
    images = probe_sets(statistics, CONTRACT, None)["matched"]
    same = probe_evidence(teacher, statistics, images)
    assert same.agreement == same.balanced_agreement == 1.0
    assert same.divergence == pytest.approx(0, abs=1e-5)
    assert same.distance == same.layer_distances[0]
    constant = keras.models.clone_model(teacher)
    weights = teacher.get_weights()
    constant.set_weights([*weights[:-2], 0 * weights[-2], np.array([9.0, 0, 0])])
    found = probe_evidence(constant, statistics, images)
    reached = found.classes_reached
    assert found.balanced_agreement == pytest.approx(1 / reached)
    assert found.divergence > 1
    assert found.overconfidence == pytest.approx(1 - found.agreement, abs=0.01)
