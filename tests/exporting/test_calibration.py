"""The images that calibrate full-integer quantization."""

import io

import keras
import numpy as np
import pytest
from PIL import Image

from dfad_tf import exporting
from dfad_tf.data.pixel_contract import PixelContract
from dfad_tf.exporting import calibration
from dfad_tf.exporting.calibration import Calibration, noise_pixels
from dfad_tf.synthesis import generated_images
from dfad_tf.utils.errors import InputError
from tests.conftest import small_classifier, small_generator

ZERO_ONE = PixelContract("zero_one")


def test_generated_calibration_images_are_raw_pixels():
    student, generator = small_classifier(), small_generator()
    first = exporting.from_generator(generator, student, ZERO_ONE, 30)
    assert first.images.dtype == np.uint8 and first.images.shape == (30, 8, 8, 1)
    again = exporting.from_generator(generator, student, ZERO_ONE, 30)
    other = exporting.from_generator(generator, student, ZERO_ONE, 30, seed=1)
    assert np.array_equal(first.images, again.images)
    assert not np.array_equal(first.images, other.images)
    made = ZERO_ONE.to_pixels(generated_images.generated_images(generator, 30, 0xCA11B))
    assert made.min() < -1 and made.max() > 256  # which must not wrap around
    np.testing.assert_array_equal(first.images[::2], np.clip(np.rint(made), 0, 255)[::2])
    assert len(exporting.from_generator(generator, student, ZERO_ONE, 1).images) == 1


def test_every_other_generated_image_is_stretched_from_black_to_white():
    pale = keras.Sequential(
        [keras.Input((5,)), keras.layers.Dense(64, "sigmoid"), keras.layers.Reshape((8, 8, 1))]
    )
    images = exporting.from_generator(pale, small_classifier(), ZERO_ONE, 20).images
    edges = images.min((1, 2, 3)), images.max((1, 2, 3))
    assert (edges[0][1::2] == 0).all() and (edges[1][1::2] == 255).all()
    assert (edges[0][::2] > 0).any() and (edges[1][::2] < 255).any()
    constant = np.full((2, 8, 8, 1), 7, np.uint8)
    assert (calibration._stretched(constant) == 0).all()


def no_noise():
    return keras.Sequential([keras.Input((8, 8, 1)), keras.layers.ReLU()])


def not_built():
    return keras.Sequential([keras.layers.Dense(64), keras.layers.Reshape((8, 8, 1))])


@pytest.mark.parametrize("build", [lambda: small_generator((4, 4, 1)), no_noise, not_built])
def test_a_generator_of_other_images_is_rejected(build):
    with pytest.raises(InputError, match=r"`generator` to map .* to images \(8, 8, 1\).*Received"):
        exporting.from_generator(build(), small_classifier(), ZERO_ONE, 30)


def test_calibration_with_image_files(tmp_path):
    with pytest.raises(InputError, match="`path` to be a folder with images.*contains none"):
        exporting.from_folder(str(tmp_path), (8, 8, 1), 10)
    pixels = noise_pixels((8, 8, 3), 4, 0)
    for index, image in enumerate(pixels):
        Image.fromarray(image).save(tmp_path / f"{index}.png")
    found = exporting.from_folder(str(tmp_path), (8, 8, 3), 3)
    assert found.images.shape == (3, 8, 8, 3)
    assert all(any(np.array_equal(image, p) for p in pixels) for image in found.images)
    assert exporting.from_folder(str(tmp_path), (8, 8, 1), 10).images.shape == (4, 8, 8, 1)
    with pytest.raises(InputError, match="`path`.*9×8.*Received: 8×8"):
        exporting.from_folder(str(tmp_path), (8, 9, 3), 10)
    deep = io.BytesIO()
    Image.fromarray(np.full((8, 8), 1000, np.uint16)).save(deep, "png")
    whole = (tmp_path / "0.png").read_bytes()
    for content in (b"no picture", whole[:60], whole[:-30], deep.getvalue()):
        (tmp_path / "5.png").write_bytes(content)
        with pytest.raises(InputError, match="`path`.*8 bits per channel.*5.png, which cannot"):
            exporting.from_folder(str(tmp_path), (8, 8, 3), 10)


def test_two_pixels_make_calibration_span_all_values():
    images = np.full((3, 8, 8, 1), 100, np.uint8)
    spanning = Calibration(images, "").spanning()
    assert (spanning.min(), spanning.max()) == (0, 255) and (spanning != images).sum() == 2
    assert images.min() == images.max() == 100


def test_image_files_are_read_as_viewers_show_them(tmp_path):
    pixels = noise_pixels((4, 6, 4), 1, 0)[0]
    pixels[..., 3] = 255 * (pixels[..., 3] > 128)
    upright = Image.fromarray(pixels)
    exif = Image.Exif()
    exif[0x0112] = 6  # rotated clockwise
    upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "p.png", exif=exif)
    found = exporting.from_folder(str(tmp_path), (4, 6, 3), 1).images[0]
    shown = np.where(pixels[..., 3:] == 255, pixels[..., :3], 255)
    np.testing.assert_array_equal(found, shown)


def test_the_number_of_noise_images_is_limited_by_memory(monkeypatch):
    monkeypatch.setattr(calibration, "_MAX_VALUES", 640)
    found = exporting.from_noise((8, 8, 1), 1000)
    assert found.images.shape == (10, 8, 8, 1) and found.source.startswith("10 ")
