"""Eq. 1 to 3 and the entropy term against numbers worked out with NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dfad_tf.synthesis.objectives import (
    AdversarialDiscrepancy,
    ForwardPass,
    GeneratorObjective,
    InformationEntropy,
    LogitsActivation,
    RepresentationActivation,
    TargetLabels,
)

LOGITS = np.array([[2.0, -1.0, 0.5], [0.0, 3.0, -2.0]], np.float32)
STUDENT = np.array([[1.0, 0.0, 0.5], [1.0, 1.0, 1.0]], np.float32)
FEATURES = np.array([[1.0, -2.0], [0.5, 0.5]], np.float32)
LABELS = np.array([2, 1])
FORWARD = ForwardPass(np.zeros((2, 4, 4, 1)), LOGITS, FEATURES, STUDENT, labels=LABELS)
TERMS = [
    AdversarialDiscrepancy, InformationEntropy, LogitsActivation, RepresentationActivation,
    TargetLabels,
]  # fmt: skip


def softmax(x):
    return np.exp(x) / np.exp(x).sum(-1, keepdims=True)


def test_adversarial_discrepancy_is_the_negated_loss():
    assert float(AdversarialDiscrepancy().call(FORWARD)) == pytest.approx(-8 / 6)


def test_only_images_on_which_the_networks_agree_may_count():
    # They agree on the first image: both predict class 0. The mean is over both images.
    expected = -np.abs(LOGITS[0] - STUDENT[0]).mean() / 2
    other = FORWARD._replace(student_logits=np.array([STUDENT[0], [2.0, 1.0, 1.0]], np.float32))
    term = AdversarialDiscrepancy(where_they_agree=True)
    assert float(term.call(other)) == pytest.approx(expected)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(term))
    assert again.where_they_agree and float(again.call(other)) == pytest.approx(expected)


def test_target_labels_is_the_cross_entropy_to_the_given_labels():
    p = softmax(LOGITS)
    expected = -np.mean([np.log(p[0, 2]), np.log(p[1, 1])])
    assert float(TargetLabels().call(FORWARD)) == pytest.approx(expected, rel=1e-5)


def test_logits_activation_is_the_cross_entropy_to_the_own_label():
    p = softmax(LOGITS)
    expected = -np.mean([np.log(p[0, 0]), np.log(p[1, 1])])  # Eq. 2
    assert float(LogitsActivation().call(FORWARD)) == pytest.approx(expected, rel=1e-5)


def test_representation_activation_is_the_negated_norm():
    # Eq. 3 over a batch of two: (1 + 2 + 0.5 + 0.5) / 2, and by two features for the mean.
    assert float(RepresentationActivation(norm="sum").call(FORWARD)) == pytest.approx(-2.0)
    assert float(RepresentationActivation().call(FORWARD)) == pytest.approx(-1.0)


def test_representation_activation_of_maps_counts_every_value():
    maps = FORWARD._replace(teacher_features=np.full((2, 3, 3, 4), -2.0, np.float32))
    assert float(RepresentationActivation(norm="sum").call(maps)) == pytest.approx(-72.0)


def test_information_entropy_is_lowest_when_balanced():
    p = softmax(LOGITS).mean(0)
    assert float(InformationEntropy().call(FORWARD)) == pytest.approx(np.sum(p * np.log(p)), 1e-4)
    balanced = FORWARD._replace(teacher_logits=np.eye(3, dtype=np.float32) * 50)
    assert float(InformationEntropy().call(balanced)) == pytest.approx(-np.log(3), rel=1e-4)


def test_the_label_of_logits_activation_carries_no_gradient():
    logits = tf.Variable(LOGITS)
    with tf.GradientTape() as tape:
        value = LogitsActivation().call(FORWARD._replace(teacher_logits=logits))
    expected = (softmax(LOGITS) - np.array([[1, 0, 0], [0, 1, 0]])) / 2
    np.testing.assert_allclose(tape.gradient(value, logits), expected, atol=1e-6)


@pytest.mark.parametrize("kind", TERMS)
def test_every_term_says_what_it_needs_and_survives_serialization(kind):
    term = kind(weight=0.25)
    needed = ForwardPass(
        None, LOGITS, FEATURES if term.needs_features else None,
        STUDENT if term.needs_student else None, labels=LABELS if term.needs_labels else None,
    )  # fmt: skip
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(term))
    assert again.weight == 0.25 and again.name == term.name
    assert float(again.call(needed)) == pytest.approx(float(term.call(FORWARD)))


def test_errors():
    with pytest.raises(ValueError, match="norm='max'"):
        RepresentationActivation(norm="max")
    with pytest.raises(NotImplementedError, match="GeneratorObjective"):
        GeneratorObjective().call(FORWARD)
