"""Even target labels, and generators that are conditioned on them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dfad_tf.synthesis import generators
from dfad_tf.synthesis.generators.class_condition import condition_classes
from dfad_tf.synthesis.generators.standard_layers import in_standard_layers
from dfad_tf.synthesis.target_labels import even_labels, with_labels
from tests.conftest import small_generator

SHAPE, LATENT, CLASSES = (8, 8, 1), 6, 4


def conditional():
    return generators.build("compact", LATENT, SHAPE, [0.0], [1.0], num_classes=CLASSES)


@pytest.mark.parametrize(("batch", "classes"), [(4, 3), (7, 10), (256, 100), (10, 10)])
def test_as_many_batches_as_classes_are_exactly_even(batch, classes):
    labels = [even_labels(batch, classes, step).numpy() for step in range(classes)]
    assert set(np.bincount(np.concatenate(labels), minlength=classes)) == {batch}
    for drawn in labels:
        counts = np.bincount(drawn, minlength=classes)
        assert counts.max() - counts.min() <= 1


def test_labels_of_late_steps_do_not_overflow():
    labels = even_labels(1000, 7, tf.constant(3_000_000, tf.int64)).numpy()
    assert labels[0] == 3_000_000_000 % 7 and labels.min() == 0 and labels.max() == 6


def test_an_image_depends_on_the_label_and_on_the_noise():
    generator = conditional()
    latent = tf.random.stateless_normal((CLASSES, LATENT + CLASSES), (1, 2))
    latent = tf.repeat(latent[:1], CLASSES, 0)  # the same noise
    given = with_labels(latent, generator, tf.range(CLASSES))
    images = generator(given, training=False).numpy()
    differences = [abs(images[i] - images[j]).max() for i in range(CLASSES) for j in range(i)]
    assert min(differences) > 1e-3
    other = tf.concat([given[:, :LATENT] + 1.0, given[:, LATENT:]], -1)
    assert abs(generator(other, training=False).numpy() - images).max() > 1e-3


def test_standard_normal_latents_give_all_classes_equally_often():
    generator = conditional()
    embedded = keras.Model(generator.inputs, generator.get_layer("class_embedding").output)
    rows = embedded(tf.random.stateless_normal((4000, LATENT + CLASSES), (3, 4))).numpy()
    kinds, counts = np.unique(rows.round(4), axis=0, return_counts=True)
    assert len(kinds) == CLASSES and counts.min() > 850  # 1,000 expected, 27 standard deviation


def test_a_generator_without_classes_keeps_its_latents():
    latent = tf.ones((2, 5))
    assert with_labels(latent, small_generator(), tf.range(2)) is latent
    assert condition_classes(small_generator()) == 0
    assert condition_classes(conditional()) == CLASSES
    assert generators.build("compact", 5, SHAPE, [0.0], [1.0]).input_shape == (None, 5)


def test_the_saved_generator_loads_without_the_package(tmp_path):
    generator = conditional()
    standard = in_standard_layers(generator)
    assert all(type(layer).__module__.startswith("keras.") for layer in standard.layers)
    standard.save(tmp_path / "generator.keras")
    latent = np.random.default_rng(0).normal(size=(5, LATENT + CLASSES)).astype("float32")
    again = keras.saving.load_model(tmp_path / "generator.keras")
    np.testing.assert_allclose(again(latent), generator(latent), atol=1e-5)
