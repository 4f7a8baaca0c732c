"""Generators: shapes, statistics of their images, and the resizing they end with."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dfad_tf import generators
from dfad_tf.errors import InputError
from dfad_tf.generators.convolutional import BilinearResize
from dfad_tf.multiply_adds import multiply_adds
from dfad_tf.report import trainable_parameters


def test_the_generator_of_dfad_has_its_published_size():
    # Dense, and three 3×3 convolutions of 128, 64 and 1 filters at 16, 32 and 32 pixels.
    generator = generators.build("dfad", 100, (32, 32, 1), [0.0], [1.0])
    assert 1.04e6 < trainable_parameters(generator) < 1.06e6
    assert multiply_adds(generator) == 819_200 + 37_748_736 + 75_497_472 + 589_824


@pytest.mark.parametrize("name", sorted(generators.GENERATORS))
def test_images_have_the_mean_and_deviation_of_ordinary_ones(name):
    mean, std = [33.0, 120.0], [78.0, 60.0]
    generator = generators.build(name, 10, (12, 16, 2), mean, std)
    images = generator(tf.random.normal((64, 10)), training=True).numpy()
    assert images.shape == (64, 12, 16, 2)
    np.testing.assert_allclose(images.mean((0, 1, 2)), mean, rtol=0.01)
    np.testing.assert_allclose(images.std((0, 1, 2)), std, rtol=0.05)


@pytest.mark.parametrize("shape", [(8, 8, 1), (13, 31, 4), (64, 48, 3), (28, 28, 2)])
def test_the_compact_generator_makes_any_shape(shape):
    assert generators.build("compact", 5, shape, [0.0], [1.0]).output_shape == (None, *shape)


def test_bilinear_resize_is_that_of_tensorflow():
    images = np.random.default_rng(0).normal(size=(2, 5, 7, 3)).astype(np.float32)
    ours = BilinearResize(11, 14)(images)
    np.testing.assert_allclose(ours, tf.image.resize(images, (11, 14)), atol=1e-5)


@pytest.mark.parametrize("name", ["dfad", "compact", "dense"])
def test_a_reloaded_generator_makes_the_same(name, tmp_path):
    generator = generators.build(name, 4, (8, 8, 1), [0.5], [0.2])
    latent = tf.random.normal((3, 4))
    generator(latent, training=True)
    generator.save(tmp_path / "generator.keras")
    again = keras.models.load_model(tmp_path / "generator.keras")
    np.testing.assert_array_equal(generator(latent), again(latent))


def test_errors():
    with pytest.raises(InputError, match="divisible by 4.*30×32"):
        generators.build("dfad", 5, (30, 32, 1), [0.0], [1.0])
    with pytest.raises(InputError, match="--generator=dense for vectors"):
        generators.build("compact", 5, (2,), [0.0], [1.0])
    with pytest.raises(InputError, match="Did you mean 'compact'"):
        generators.build("compct", 5, (8, 8, 1), [0.0], [1.0])
