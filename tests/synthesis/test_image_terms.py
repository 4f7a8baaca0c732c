"""Terms on the images themselves, and on the contrast between them, against NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dfad_tf.synthesis.objectives import ContrastiveDiversity, ForwardPass, TotalVariation

RNG = np.random.default_rng(0)


def test_the_total_variation_of_noise_is_2_in_any_unit_and_that_of_a_plane_is_0():
    noise = RNG.normal(5.0, 3.0, (64, 16, 16, 2)).astype("f4")
    for images in (noise, 100 * noise + 7):
        assert float(TotalVariation().call(ForwardPass(images, None))) == pytest.approx(2, rel=0.05)
    plane = np.broadcast_to(RNG.normal(size=(8, 1, 1, 1)), (8, 6, 6, 1)).astype("f4")
    assert float(TotalVariation().call(ForwardPass(plane, None))) == 0.0


def contrast(first, second, bank=(), temperature=0.1):
    """The contrastive loss in NumPy, in float64."""

    def unit(features):
        features = features - features.mean(0)
        return features / np.linalg.norm(features, axis=1, keepdims=True)

    first, second = unit(first.astype("f8")), unit(second.astype("f8"))
    others = np.concatenate([second, *bank]) if len(bank) else second
    logits = first @ others.T / temperature
    chosen = logits[np.arange(len(first)), np.arange(len(first))]
    return np.mean(np.log(np.exp(logits).sum(1)) - chosen), second


def term(bank_size=8, features=5):
    made = ContrastiveDiversity(bank_size=bank_size)
    made.build(feature_count=features)
    return made


def call(made, first, second):
    pair = ForwardPass(None, None, tf.constant(first), view_features=tf.constant(second))
    return float(made.call(pair))


def test_the_contrast_of_a_batch_and_of_the_bank():
    made, bank = term(), []
    for _ in range(2):
        first = RNG.normal(size=(4, 5)).astype("f4")
        second = first + RNG.normal(0, 0.1, (4, 5)).astype("f4")
        expected, added = contrast(first, second, bank)
        assert call(made, first, second) == pytest.approx(expected, rel=1e-4)
        # A second call for the same batch does not see the batch in the bank.
        assert call(made, first, second) == pytest.approx(expected, rel=1e-4)
        made.end_batch()
        bank.append(added)


def test_images_that_are_alike_have_the_larger_contrast():
    first = RNG.normal(size=(6, 5)).astype("f4")
    alike = np.ones((6, 5), "f4") + RNG.normal(0, 1e-3, (6, 5)).astype("f4")
    other = alike + RNG.normal(0, 1e-3, (6, 5)).astype("f4")
    assert call(term(), first, first) < 0.5 < call(term(), alike, other)


def test_the_bank_replaces_the_oldest():
    made = term(bank_size=6)
    for _ in range(3):
        call(made, *(2 * [RNG.normal(size=(4, 5)).astype("f4")]))
        made.end_batch()
    bank, stored = made.variables
    assert int(stored) == 12 and np.all(np.linalg.norm(bank, axis=1) > 0.99)


def test_serialization_and_impossible_values():
    for made in (TotalVariation(0.3), ContrastiveDiversity(0.2, temperature=0.5, bank_size=7)):
        again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(made))
        assert again.get_config() == made.get_config()
    with pytest.raises(ValueError, match="temperature=0"):
        ContrastiveDiversity(temperature=0)
    with pytest.raises(RuntimeError, match="`build`"):
        ContrastiveDiversity().call(ForwardPass(None, None))
