"""What is logged of generated images, against hand computations."""

import math

import numpy as np
import pytest
import tensorflow as tf

from dfad_tf.distillation.training_metrics import class_entropy, image_spread


def test_spread_is_the_deviation_of_a_pixel_over_the_batch():
    images = np.random.default_rng(0).normal(3.0, 2.0, (16, 4, 5, 3)).astype("float32")
    assert float(image_spread(images)) == pytest.approx(images.std(0).mean(), rel=1e-5)


def test_equal_images_have_no_spread():
    image = np.random.default_rng(0).normal(size=(1, 4, 4, 3)).astype("float32")
    assert float(image_spread(np.repeat(image, 8, 0))) == pytest.approx(0, abs=1e-6)
    # In half the precision of training the measure is taken in full.
    far = tf.constant(np.repeat(image, 8, 0) + 300, tf.bfloat16)
    assert image_spread(far).dtype == tf.float32


def test_entropy_is_of_the_mean_answer():
    sure = 50 * tf.eye(4)
    assert float(class_entropy(sure)) == pytest.approx(1, abs=1e-5)
    assert float(class_entropy(sure[:2])) == pytest.approx(math.log(2) / math.log(4), abs=1e-5)
    assert float(class_entropy(tf.repeat(sure[:1], 4, 0))) == pytest.approx(0, abs=1e-5)


def test_replicas_measure_the_global_batch(two_replicas):
    images = np.random.default_rng(0).normal(size=(8, 4, 4, 1)).astype("float32")
    images[4:] += 5  # each replica's share alone has a small spread
    logits = np.repeat(30 * np.eye(2, dtype="float32"), 4, 0)

    def measured(*values):
        return image_spread(values[0]), class_entropy(values[1])

    data = tf.data.Dataset.from_tensor_slices((images, logits)).batch(8)
    shares = next(iter(two_replicas.experimental_distribute_dataset(data)))
    found = two_replicas.run(tf.function(measured), args=shares)
    for spread in two_replicas.experimental_local_results(found[0]):
        assert float(spread) == pytest.approx(images.std(0).mean(), rel=1e-4)
    for entropy in two_replicas.experimental_local_results(found[1]):
        assert float(entropy) == pytest.approx(1, abs=1e-4)
