"""Generators: shapes, statistics of their images, and the resizing they end with."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dfad_tf.graphs.multiply_adds import multiply_adds
from dfad_tf.graphs.parameters import trainable_parameters
from dfad_tf.synthesis import generators
from dfad_tf.synthesis.generators.bilinear_resize import BilinearResize
from dfad_tf.synthesis.generators.class_condition import condition_classes
from dfad_tf.synthesis.generators.image_range import sigmoid_shape
from dfad_tf.synthesis.generators.pixels import is_pixel_generator, pixel_latents
from dfad_tf.synthesis.generators.stored_images import stored_images_generator
from dfad_tf.synthesis.target_labels import with_labels
from dfad_tf.utils.errors import InputError


def test_the_generator_of_dfad_has_its_published_size():
    # Dense, and three 3×3 convolutions of 128, 64 and 1 filters at 16, 32 and 32 pixels, of
    # which the first two meet doubled images: 4 of their 9 multiply-adds are left.
    generator = generators.build("dfad", 100, (32, 32, 1), [0.0], [1.0])
    assert 1.04e6 < trainable_parameters(generator) < 1.06e6
    assert multiply_adds(generator) == 819_200 + (37_748_736 + 75_497_472) * 4 // 9 + 589_824


@pytest.mark.parametrize("name", sorted(generators.GENERATORS))
def test_images_have_the_mean_and_standard_deviation_of_ordinary_ones(name):
    mean, std = [33.0, 120.0], [78.0, 60.0]
    generator = generators.build(name, 10, (12, 16, 2), mean, std)
    if name.startswith("translator"):
        pytest.skip("its images have the statistics of the procedural ones")
    latents = tf.random.normal((64, generator.input_shape[-1]))
    images = generator(latents, training=True).numpy()
    assert images.shape == (64, 12, 16, 2)
    np.testing.assert_allclose(images.mean((0, 1, 2)), mean, rtol=0.01)
    np.testing.assert_allclose(images.std((0, 1, 2)), std, rtol=0.05)


@pytest.mark.parametrize("shape", [(8, 8, 1), (13, 31, 4), (64, 48, 3), (28, 28, 2)])
@pytest.mark.parametrize("name", ["compact", "full_16", "translator_16", "pixels", "pixel_pyramid"])
def test_these_generators_make_any_shape(name, shape):
    assert generators.build(name, 5, shape, [0.0], [1.0]).output_shape == (None, *shape)


@pytest.mark.parametrize("shape", [(130, 97, 1), (128, 128, 3)])
def test_a_translator_of_large_images_works_at_a_lower_resolution(shape):
    """At full resolution it had 67 million parameters for 128×128."""
    generator = generators.build("translator_16", 256, shape, [0.0] * shape[2], [1.0] * shape[2])
    assert generator.output_shape == (None, *shape)
    weights = sum(int(np.prod(w.shape)) for w in generator.trainable_weights)
    assert weights < 3e6
    latents = tf.random.normal((2, generator.input_shape[-1]))
    assert np.isfinite(generator(latents, training=True)).all()


def test_only_the_full_generator_has_details_of_single_pixels():
    def share_of_steps(name):
        generator = generators.build(name, 16, (32, 32, 1), [0.0], [1.0])
        images = generator(tf.random.normal((64, 16)), training=True).numpy()
        return np.square(np.diff(images, axis=1)).mean() / images.var()

    assert share_of_steps("full_16") > 2 * share_of_steps("compact")


def test_the_latents_of_the_pixel_generator_are_its_pixels():
    generator = generators.build("pixels", 5, (2, 3, 1), [10.0], [2.0])
    latents = np.arange(6, dtype="float32")[None]
    np.testing.assert_allclose(generator(latents)[0, ..., 0], 10 + 2 * latents.reshape(2, 3))
    assert not generator.weights
    bounded = generators.build("pixels", 5, (8, 8, 1), [50.0], [60.0], ([0.0], [255.0]))
    images = bounded(tf.random.normal((64, 64))).numpy()
    assert images.min() >= 0 and images.max() <= 255
    np.testing.assert_allclose([images.mean(), images.std()], [50, 60], rtol=0.05)


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


@pytest.mark.parametrize("width", ["compact", "compact_32"])
def test_bounded_images_are_as_real_ones(width):
    """They are in the range, with the mean and standard deviation of MNIST and of photographs."""
    mean, std = [33.3, 120.0], [78.6, 62.0]
    value_range = ([0.0, 0.0], [255.0, 255.0])
    generator = generators.build(width, 50, (32, 32, 2), mean, std, value_range)
    images = generator(tf.random.normal((256, 50)), training=True).numpy()
    assert images.min() >= 0 and images.max() <= 255
    np.testing.assert_allclose(images.mean((0, 1, 2)), mean, rtol=0.1)
    np.testing.assert_allclose(images.std((0, 1, 2)), std, rtol=0.1)


@pytest.mark.parametrize(
    ("mean", "std", "tolerance"),
    # The last asks for more than black and white can vary; its quadrature is coarser.
    [(0.13, 0.31, 0.01), (0.5, 0.2, 0.01), (0.9, 0.1, 0.01), (0.4, 0.6, 0.02)],
)
def test_sigmoid_shape_against_a_sample(mean, std, tolerance):
    slope, place = sigmoid_shape(mean, std)
    sample = np.random.default_rng(0).normal(size=400_000)
    values = 1 / (1 + np.exp(-(slope * sample + place)))
    reachable = min(std, 0.95 * np.sqrt(mean * (1 - mean)))
    np.testing.assert_allclose([values.mean(), values.std()], [mean, reachable], atol=tolerance)


def test_errors():
    with pytest.raises(InputError, match="divisible by 4.*30×32"):
        generators.build("dfad", 5, (30, 32, 1), [0.0], [1.0])
    with pytest.raises(InputError, match="'dense' supports vectors"):
        generators.build("compact", 5, (2,), [0.0], [1.0])
    with pytest.raises(InputError, match="Did you mean 'compact'"):
        generators.build("compct", 5, (8, 8, 1), [0.0], [1.0])


def test_stored_images_are_returned_equally_often_and_by_keras_alone(tmp_path):
    images = np.random.default_rng(0).normal(size=(5, 3, 4, 2)).astype("f4")
    generator = stored_images_generator(images)
    latents = tf.random.stateless_normal((2000, 5), [0, 1])
    found = generator(latents).numpy()
    places = np.argmax(latents, -1)
    np.testing.assert_array_equal(found, images[places])
    assert np.bincount(places).min() > 350
    generator.save(tmp_path / "generator.keras")
    again = keras.saving.load_model(tmp_path / "generator.keras")
    np.testing.assert_array_equal(again(latents), found)
    assert {type(layer).__module__.split(".")[0] for layer in again.layers} == {"keras"}


def test_a_translator_starts_near_procedural_images_that_its_latents_select():
    value_range = ([0.0, -1.0], [255.0, 1.0])
    generator = generators.build("translator_16", 3, (9, 14, 2), [0.0] * 2, [1.0] * 2, value_range)
    latents = np.random.default_rng(0).normal(size=(40, generator.input_shape[-1])).astype("f4")
    images = generator(latents).numpy()
    drawn = generator.get_layer("drawn")(np.argmax(latents[:, 3:], -1))
    share = 1 / (1 + np.exp(-np.array(drawn).reshape(images.shape)))
    expected = share * [255.0, 2.0] + [0.0, -1.0]
    assert np.corrcoef(images.ravel(), expected.ravel())[0, 1] > 0.95
    assert len(np.unique(np.argmax(latents[:, 3:], -1))) > 35
    assert generator.get_layer("drawn").trainable is False


def test_a_translator_is_conditioned_on_classes():
    generator = generators.build("translator_16", 3, (8, 8, 1), [0.0], [1.0], None, 4)
    assert condition_classes(generator) == 4 and generator.input_shape == (None, 3 + 1024 + 4)
    latents = np.random.default_rng(0).normal(size=(1, 1031)).astype("f4")
    labels = [with_labels(tf.constant(latents), generator, tf.constant([c])) for c in range(2)]
    images = [generator(latent).numpy() for latent in labels]
    assert np.abs(images[0] - images[1]).max() > 0


@pytest.mark.parametrize("value_range", [None, ([0.0, -1.0], [255.0, 1.0])])
def test_a_pixel_generator_has_latents_for_any_image(value_range):
    generator = generators.build("pixels", 5, (3, 4, 2), [90.0, 0.1], [60.0, 0.4], value_range)
    assert is_pixel_generator(generator) and not is_pixel_generator(
        generators.build("compact", 5, (8, 8, 1), [0.0], [1.0])
    )
    share = np.random.default_rng(0).uniform(0.02, 0.98, (6, 3, 4, 2)).astype("f4")
    images = share * [255.0, 2.0] + [0.0, -1.0]
    latents = pixel_latents(generator, tf.constant(images, tf.float32))
    np.testing.assert_allclose(generator(latents), images, rtol=1e-3, atol=1e-3)


def test_a_pixel_pyramid_adds_coarser_images():
    generator = generators.build("pixel_pyramid", 5, (16, 20, 1), [3.0], [2.0])
    assert is_pixel_generator(generator)
    assert generator.input_shape == (None, 16 * 20 + 8 * 10)  # not 4×5: too few
    images = np.random.default_rng(0).normal(size=(2, 16, 20, 1)).astype("f4")
    latents = pixel_latents(generator, tf.constant(images)).numpy()
    np.testing.assert_allclose(generator(latents), images, rtol=1e-4, atol=1e-4)
    latents[0, 16 * 20 + 3 * 10 + 4] += 1.0  # row 3, column 4 of the coarser image
    change = (generator(latents) - images)[0, ..., 0].numpy() / 2
    rows, columns = np.nonzero(np.abs(change) > 1e-3)
    assert (set(rows), set(columns)) == (set(range(5, 9)), set(range(7, 11)))
    assert change.sum() == pytest.approx(4.0, rel=1e-3)
