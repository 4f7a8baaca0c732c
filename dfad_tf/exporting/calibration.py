"""The images from which full-integer quantization takes the range of every activation."""

from __future__ import annotations

import pathlib
from dataclasses import dataclass

import keras
import numpy as np

from dfad_tf.data.image_files import image_files, read_image
from dfad_tf.data.pixel_contract import PixelContract
from dfad_tf.synthesis.generated_images import generated_images
from dfad_tf.utils.errors import InputError

_MAX_VALUES = 2**30  # pixel values in memory
_SEED = 0xCA11B  # differs from the seeds of training and of the comparison with the Keras student


@dataclass(frozen=True)
class Calibration:
    """Images for calibration, and their source.

    Args:
        images: Raw pixels, uint8 `(n, height, width, channels)`.
        source: A description, for the model card.
    """

    images: np.ndarray
    source: str

    def spanning(self) -> np.ndarray:
        """Return the images with one black and one white pixel, so that inputs span 0 to 255.

        A converter uses the darkest and the lightest pixel in the images as the ends of the
        input's scale. If 255 does not occur, every image is scaled too light. Two pixels of one
        image correct the scale and do not affect the ranges of the activations.
        """
        images = self.images.copy()
        images[0, 0, 0], images[0, -1, -1] = 0, 255
        return images


def generated_pixels(
    generator: keras.Model, contract: PixelContract, count: int, seed: int
) -> np.ndarray:
    """Generate images as raw pixels, uint8, 0 to 255.

    Args:
        generator: Maps latents `(batch, latent)` to images in the student's input range.
        contract: The input range.
        count: Number of images.
        seed: Seed of the latents.
    """
    pixels = contract.to_pixels(generated_images(generator, count, seed))
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)


def check_generator(generator: keras.Model, shape: tuple[int, ...]) -> None:
    """Check that a model generates images of the student's size.

    Args:
        generator: The model.
        shape: `(height, width, channels)` of the student's input.

    Raises:
        InputError: If the model's input is not a batch of vectors, or its images have another
            shape.
    """
    received = getattr(generator, "input_shape", None)
    generated = getattr(generator, "output_shape", None)
    from_noise = isinstance(received, tuple) and len(received) == 2 and received[1] is not None
    if not from_noise or not isinstance(generated, tuple) or tuple(generated[1:]) != tuple(shape):
        raise InputError(
            f"Expected `generator` to map (batch, latent) to images {tuple(shape)}, the input of "
            f"the student. Received: {generator.name}, which maps {received} to {generated}"
        )


def from_generator(
    generator: keras.Model, student: keras.Model, contract: PixelContract, count: int, seed: int = 0
) -> Calibration:
    """Calibrate with generated images, without any real image.

    Every other image is stretched to the full range from black to white, as real images have
    it: a generator that has not converged generates images of low contrast, and a file that
    is calibrated on these clips the activations of real images.

    Args:
        generator: The generator that the student was distilled with.
        student: The student.
        contract: The pixels that both expect.
        count: Number of images.
        seed: Seed of the latents.

    Raises:
        InputError: If the generator's images do not fit the student.
    """
    check_generator(generator, student.input_shape[1:])
    images = generated_pixels(generator, contract, count, _SEED + seed)
    images[1::2] = _stretched(images[1::2])
    return Calibration(
        images, f"{len(images)} generated images, every other stretched from black to white"
    )


def _stretched(images: np.ndarray) -> np.ndarray:
    pixels = images.astype(np.float32)
    darkest, lightest = (edge(pixels, (1, 2, 3), keepdims=True) for edge in (np.min, np.max))
    return np.rint(255 * (pixels - darkest) / np.maximum(lightest - darkest, 1)).astype(np.uint8)


def from_noise(shape: tuple[int, ...], count: int, seed: int = 0) -> Calibration:
    """Calibrate with uniform noise, which is the least accurate choice, for comparison.

    Args:
        shape: `(height, width, channels)`.
        count: Number of images; fewer are generated if they would not fit into memory.
        seed: Seed of the noise.
    """
    images = noise_pixels(shape, _affordable(shape, count), _SEED + seed)
    return Calibration(images, f"{len(images)} images of uniform noise")


def noise_pixels(shape: tuple[int, ...], count: int, seed: int) -> np.ndarray:
    """Draw uniform noise, uint8 `(count, *shape)`."""
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


def _affordable(shape: tuple[int, ...], count: int) -> int:
    return max(1, min(count, _MAX_VALUES // int(np.prod(shape))))


def from_images(images: np.ndarray, count: int, source: str, seed: int = 0) -> Calibration:
    """Calibrate with a random selection of images.

    Args:
        images: Raw pixels, uint8 `(n, height, width, channels)`.
        count: Maximum number of images.
        source: A description of the images, such as `"training images of mnist"`.
        seed: Seed of the selection.

    Example:

    >>> from_images(np.zeros((9, 8, 8, 1), np.uint8), 4, "black images").source
    '4 black images'
    """
    chosen = np.random.default_rng(seed).permutation(len(images))[:count]
    return Calibration(images[chosen], f"{len(chosen)} {source}")


def from_folder(path: str, shape: tuple[int, ...], count: int, seed: int = 0) -> Calibration:
    """Calibrate with image files.

    Args:
        path: A folder with PNG, JPEG, BMP or WebP images of the student's size, also in
            subfolders.
        shape: `(height, width, channels)` of the student's input.
        count: Maximum number of images.
        seed: Seed of the selection.

    Raises:
        InputError: If there are no images, or one is not readable or has another size.
    """
    files = image_files(path)
    count = _affordable(shape, min(count, len(files)))
    chosen = np.random.default_rng(seed).permutation(len(files))[:count]
    images = np.stack([read_image(files[index], shape) for index in chosen])
    return Calibration(
        images, f"{len(images)} images of the folder {pathlib.Path(path).resolve().name}"
    )
