"""Procedural images are diverse raw pixels that depend on nothing but their seed and place."""

import numpy as np
import pytest

from dfad_tf.data.procedural_images import procedural_images
from dfad_tf.data.smooth_images import smooth_images
from dfad_tf.utils.errors import InputError


@pytest.fixture(scope="module")
def colour_images():
    return procedural_images(600, (32, 32, 3), seed=3)


@pytest.fixture(scope="module")
def grey_images():
    return procedural_images(600, (28, 28, 1), seed=3)


def directions(images):
    """Number of principal components that hold 99 % of the variance of the grey images."""
    flat = images[:, ::2, ::2].mean(-1).reshape(len(images), -1).astype(np.float64)
    shares = np.linalg.eigvalsh(np.cov(flat.T))[::-1]
    return int(np.searchsorted(np.cumsum(shares) / shares.sum(), 0.99)) + 1


@pytest.mark.parametrize(
    "shape", [(32, 32, 3), (28, 28, 1), (8, 8, 1), (17, 40, 3), (33, 9, 2), (96, 96, 4), (1, 1, 1)]
)
def test_images_are_raw_pixels_of_any_size(shape):
    images = procedural_images(9, shape)
    assert images.shape == (9, *shape) and images.dtype == np.float32
    assert np.isfinite(images).all() and images.min() >= 0 and images.max() <= 255
    assert images.max() > 100, "pixels from 0 to 255, not from 0 to 1"


def test_images_of_a_large_teacher():
    assert procedural_images(1, (224, 224, 3)).std() > 5


def test_no_images():
    assert procedural_images(0, (8, 8, 3)).shape == (0, 8, 8, 3)


def test_images_are_reproducible_by_their_seed():
    first, again, other = (procedural_images(20, (16, 16, 3), seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not any(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize(
    "first, count", [(0, 1), (0, 200), (3, 5), (127, 2), (128, 128), (200, 99)]
)
def test_an_image_does_not_depend_on_how_many_are_drawn(first, count):
    # 128 of these images are one block, so the ranges begin and end inside and at its edges.
    everything = procedural_images(300, (32, 32, 1), seed=5)
    part = procedural_images(count, (32, 32, 1), seed=5, first=first)
    np.testing.assert_array_equal(part, everything[first : first + count])


def test_no_image_repeats_another(colour_images, grey_images):
    for images in (colour_images, grey_images):
        flat = images.reshape(len(images), -1)
        assert len(np.unique(flat, axis=0)) == len(flat)
        # The nearest neighbour of an image in another block is another image, not a variant.
        first, second = flat[:200], flat[300:500]
        distance = np.abs(first[:, None, ::7] - second[None, :, ::7]).mean(-1)
        assert (distance < 2).mean() < 0.001


def test_images_differ_in_lightness_contrast_and_sharpness(colour_images):
    means, stds = colour_images.mean((1, 2, 3)), colour_images.std((1, 2, 3))
    assert means.std() > 25 and stds.std() > 15
    assert 40 < stds.mean() < 75, "of photographs: about 50"
    steps = np.abs(np.diff(colour_images, axis=2)).mean((1, 2, 3)) / np.maximum(stds, 1)
    sharpest, most_blurred = np.quantile(steps, [0.95, 0.05])
    assert sharpest > 5 * most_blurred
    assert (stds < 3).mean() < 0.03, "images without content"


def test_images_span_far_more_directions_than_smooth_ones(colour_images):
    smooth, drawn = directions(smooth_images(600, (32, 32, 3))), directions(colour_images)
    assert smooth < 40  # of 256
    assert drawn > 100


def test_the_spectrum_of_the_images_falls_as_that_of_photographs(colour_images):
    grey = colour_images.mean(-1)
    power = (np.abs(np.fft.fft2(grey - grey.mean((1, 2), keepdims=True))) ** 2).mean(0)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(32), np.fft.fftfreq(32))) * 32
    low, high = (power[(frequency >= a) & (frequency < b)].mean() for a, b in ((1, 2), (8, 12)))
    # Between these frequencies it falls by a factor of 50 or more; for white noise by none, and
    # for smooth images by a factor of 700.
    assert 30 < low / high < 400


def test_colours_differ_less_than_lightness(colour_images):
    chroma = (colour_images - colour_images.mean(-1, keepdims=True)).std()
    assert 10 < chroma < colour_images.mean(-1).std() / 1.5


def test_a_grey_image_has_no_colours_and_a_share_is_a_drawing_on_a_dark_background(grey_images):
    border = np.concatenate([grey_images[:, 0, :, 0], grey_images[:, -1, :, 0]], 1)
    dark = np.median(border, 1) < 10
    assert 0.25 < dark.mean() < 0.6
    assert grey_images[dark].max((1, 2, 3)).mean() > 150, "the strokes are light"


@pytest.mark.parametrize("dark_share, background", [(1.0, (0, 110)), (0.0, (145, 255))])
def test_drawings_have_a_plain_background(dark_share, background):
    images = procedural_images(
        200, (28, 28, 1), seed=1, symbol_share=1.0, dark_share=dark_share
    )  # fmt: skip
    most_frequent = np.median(images[:, [0, 0, -1, -1], [0, -1, 0, -1]], axis=(1, 2))
    inside = (most_frequent >= background[0]) & (most_frequent <= background[1])
    assert inside.mean() > 0.9  # strokes cover the corners of a few


def test_blurred_images_have_no_sharp_edges():
    sharp, blurred = (
        procedural_images(64, (28, 28, 1), symbol_share=1.0, dark_share=1.0, blur=blur)
        for blur in (0.0, 0.05)
    )
    edges = [np.square(np.diff(images, axis=1)).mean() for images in (sharp, blurred)]
    assert edges[1] < 0.3 * edges[0]
    np.testing.assert_allclose(blurred.mean((1, 2)), sharp.mean((1, 2)), rtol=1e-3)
    # A blur keeps the mean of each channel apart.
    colours = procedural_images(8, (16, 16, 3), blur=0.5)
    plain = procedural_images(8, (16, 16, 3))
    np.testing.assert_allclose(colours.mean((1, 2)), plain.mean((1, 2)), rtol=1e-3)


def test_scenes_without_drawings_have_no_black_background():
    images = procedural_images(200, (28, 28, 1), seed=1, symbol_share=0.0)
    assert (np.median(images, axis=(1, 2, 3)) < 5).mean() < 0.1


@pytest.mark.parametrize(
    "shape", [(32, 32), (32, 32, 3, 1), (0, 8, 3), (8, 8, 0), (8.5, 8, 1), (None, None, 3)]
)
def test_a_shape_that_is_no_image_is_an_error(shape):
    with pytest.raises(InputError, match="Expected `shape` to be .*Received: ") as error:
        procedural_images(1, shape)
    assert str(shape) in str(error.value)


@pytest.mark.parametrize(
    "arguments, name",
    [
        ({"count": -1}, "count"),
        ({"seed": -1}, "seed"),
        ({"first": -2}, "first"),
        ({"symbol_share": 1.5}, "symbol_share"),
        ({"dark_share": -0.1}, "dark_share"),
        ({"blur": 2.0}, "blur"),
    ],
)
def test_an_argument_outside_its_range_is_an_error(arguments, name):
    with pytest.raises(InputError, match=f"Expected `{name}` .*Received: {arguments[name]}"):
        procedural_images(**{"count": 1, "shape": (8, 8, 1), **arguments})
