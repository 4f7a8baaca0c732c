"""Which pixels explain what a teacher has learned, and when that is not certain."""

import math

import keras
import numpy as np
import pytest

from benchmarks.pixel_teachers import Case, build, convert, load
from dfad_tf.data.procedural_images import procedural_images
from dfad_tf.teachers.pixel_detection import UndecidedPixelsError, detect_contract
from dfad_tf.teachers.pixel_evidence import Evidence

layers = keras.layers


def trained(pixels, network):
    """A classifier of the digits without preprocessing."""
    (images, labels), _ = load("digits")
    keras.utils.set_random_seed(0)
    model = build(Case("digits", pixels, network), images.shape[1:])
    model.compile(keras.optimizers.Adam(2e-3), "sparse_categorical_crossentropy")
    model.fit(convert(images, pixels), labels, batch_size=64, epochs=12, verbose=0)
    return model


@pytest.mark.parametrize("pixels", ["pixels", "minus_one_one"])
def test_the_answers_of_a_trained_network_indicate_its_pixels(pixels):
    found = detect_contract(trained(pixels, "pooled"))
    assert found.range == pixels
    assert "answers to drawn images, by a margin of" in found.source


def test_a_network_that_saturates_is_not_certain():
    model = trained("zero_one", "tanh")
    with pytest.raises(
        UndecidedPixelsError, match="`contract`.*zero_one.*Received: none"
    ) as raised:
        detect_contract(model)
    names = [candidate.range for candidate in raised.value.candidates]
    assert "centered" not in names  # by the mean of photographs
    best = detect_contract(model, decide=True)
    assert best.range == names[0] and "best guess, not certain" in best.source


def recorded(images, activation, channels=3):
    """A teacher whose batch normalization has recorded images behind random filters."""
    keras.utils.set_random_seed(3)
    inputs = keras.Input((16, 16, channels))
    x = layers.Conv2D(16, 3, padding="same", activation=activation)(inputs)
    x = layers.BatchNormalization(momentum=0.0)(x)
    x = layers.GlobalAveragePooling2D()(layers.ReLU()(x))
    teacher = keras.Model(inputs, layers.Dense(3)(x))
    teacher(images, training=True)
    return teacher


@pytest.mark.parametrize("activation", [None, "relu"])
@pytest.mark.parametrize(
    "pixels", ["pixels", "zero_one", "minus_one_one", "standardized", "centered"]
)
def test_the_statistics_behind_a_convolution_or_a_relu_indicate_the_pixels(pixels, activation):
    photographs = procedural_images(256, (16, 16, 3), seed=5, symbol_share=0.0) / 255
    found = detect_contract(recorded(convert(photographs, pixels).astype("f4"), activation))
    assert found.range == pixels
    assert "batch normalization" in found.source


@pytest.mark.parametrize("share", [0.0, 0.004, 0.02])
def test_what_is_left_of_the_initial_statistics_does_not_matter(share):
    drawings = procedural_images(256, (16, 16, 1), seed=5, symbol_share=1.0, dark_share=1.0) / 255
    teacher = recorded(convert(drawings, "minus_one_one").astype("f4"), "relu", 1)
    norm = next(la for la in teacher.layers if isinstance(la, layers.BatchNormalization))
    norm.moving_mean.assign((1 - share) * norm.moving_mean)
    norm.moving_variance.assign((1 - share) * norm.moving_variance + share)
    assert detect_contract(teacher).range == "minus_one_one"


def test_statistics_that_no_pixels_explain_are_not_certain():
    images = np.random.default_rng(0).normal(0.3, 3.0, (64, 16, 16, 1)).astype("f4")
    with pytest.raises(UndecidedPixelsError):
        detect_contract(recorded(images, "relu", 1))


def test_the_margin_is_that_to_the_second_best():
    evidence = Evidence([0.3, 0.9, 0.5], needed=0.4)
    assert evidence.best == 1 and evidence.margin == pytest.approx(0.4) and evidence.is_certain
    assert not Evidence([0.3, 0.9, 0.6], needed=0.4).is_certain
    assert Evidence([0.1], needed=0.4).is_certain
    assert not Evidence([9.0, 0.0], needed=math.inf).is_certain
