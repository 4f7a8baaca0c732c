"""The images that tell full-integer quantisation the range of every activation."""

from __future__ import annotations

import pathlib
from dataclasses import dataclass

import keras
import numpy as np

from dfad_tf.errors import InputError
from dfad_tf.measurement import generated_images
from dfad_tf.pixel_contract import PixelContract

_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
_SEED = 0xCA11B  # not the images of training, nor those that agreement is measured on


@dataclass(frozen=True)
class Calibration:
    """Images for calibration, and where they come from.

    Args:
        images: Raw pixels, uint8 `(n, height, width, channels)`.
        source: In words, for the model card.
    """

    images: np.ndarray
    source: str

    def spanning(self) -> np.ndarray:
        """The images with one black and one white pixel, so that inputs span 0 to 255.

        A quantiser takes the darkest and the lightest pixel that it sees for the
        ends of the input's scale; where 255 is missing, every picture comes out
        too light. Two pixels of one image mend that, and move no activation.
        """
        images = self.images.copy()
        images[0, 0, 0], images[0, -1, -1] = 0, 255
        return images


def generated_pixels(
    generator: keras.Model, contract: PixelContract, count: int, seed: int
) -> np.ndarray:
    """Draw generated images as a camera would give them: uint8, 0 to 255.

    Args:
        generator: Maps latents to images in the student's input range.
        contract: That input range.
        count: Images wanted.
        seed: Seed of the latents.
    """
    pixels = contract.to_pixels(generated_images(generator, count, seed))
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)


def from_generator(
    generator: keras.Model, student: keras.Model, contract: PixelContract, count: int, seed: int = 0
) -> Calibration:
    """Calibrate with generated images: no real one is needed.

    Args:
        generator: The generator that the student was distilled with.
        student: The student.
        contract: The pixels that both take.
        count: Images.
        seed: Seed of the draw.

    Raises:
        InputError: If the generator's images do not fit the student.
    """
    expected = tuple(student.input_shape[1:])
    made, latent = tuple(generator.output_shape[1:]), generator.input_shape
    if len(latent) != 2 or made != expected:
        raise InputError(
            f"Expected a generator from (batch, latent) to images {expected}, as the student "
            f"takes them. Received: {generator.name} from {latent} to {made}"
        )
    images = generated_pixels(generator, contract, count, _SEED + seed)
    return Calibration(images, f"{len(images)} generated images")


def from_noise(shape: tuple[int, ...], count: int, seed: int = 0) -> Calibration:
    """Calibrate with uniform noise: the poor man's choice, for comparison.

    Args:
        shape: `(height, width, channels)`.
        count: Images.
        seed: Seed of the draw.
    """
    return Calibration(noise_pixels(shape, count, _SEED + seed), f"{count} images of uniform noise")


def noise_pixels(shape: tuple[int, ...], count: int, seed: int) -> np.ndarray:
    """Draw uniform noise, uint8 `(count, height, width, channels)`."""
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


def from_images(images: np.ndarray, count: int, source: str, seed: int = 0) -> Calibration:
    """Calibrate with some of the images of a set.

    Args:
        images: Raw pixels, uint8 `(n, height, width, channels)`.
        count: How many to take.
        source: What they are, in words.
        seed: Seed of the choice.
    """
    chosen = np.random.default_rng(seed).permutation(len(images))[:count]
    return Calibration(images[chosen], f"{len(chosen)} {source}")


def from_folder(path: str, shape: tuple[int, ...], count: int, seed: int = 0) -> Calibration:
    """Calibrate with a user's own pictures.

    Args:
        path: A folder with PNG, JPEG, BMP or WebP pictures of the student's size.
        shape: `(height, width, channels)`.
        count: Most pictures to take.
        seed: Seed of the choice.

    Raises:
        InputError: If there are none, one cannot be read, or one has another size.
    """
    from PIL import Image, UnidentifiedImageError

    folder = pathlib.Path(path)
    files = sorted(f for f in folder.rglob("*") if f.suffix.lower() in _SUFFIXES and f.is_file())
    if not files:
        raise InputError(
            f"Expected --calibration to be a folder with pictures ({', '.join(_SUFFIXES)}). "
            f"Received: {path}, which holds none"
        )
    chosen = np.random.default_rng(seed).permutation(len(files))[:count]
    mode = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[shape[2]]
    images = []
    for index in chosen:
        try:
            picture = Image.open(files[index]).convert(mode)
        except (UnidentifiedImageError, OSError, ValueError) as error:
            raise InputError(
                f"Expected --calibration with whole pictures. {files[index]} could not be read"
            ) from error
        if (picture.height, picture.width) != shape[:2]:
            raise InputError(
                f"Expected --calibration with pictures of the student's {shape[1]}×{shape[0]} "
                f"(width×height). Received: {picture.width}×{picture.height} in {files[index]}"
            )
        images.append(np.asarray(picture, np.uint8).reshape(shape))
    return Calibration(np.stack(images), f"{len(images)} pictures of {folder.name}")
