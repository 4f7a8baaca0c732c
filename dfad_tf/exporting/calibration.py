"""The images that tell full-integer quantisation the range of every activation."""

from __future__ import annotations

import pathlib
import warnings
from dataclasses import dataclass

import keras
import numpy as np

from dfad_tf.data.pixel_contract import PixelContract
from dfad_tf.synthesis.generated_images import generated_images
from dfad_tf.utils.errors import InputError

_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
_MOST_VALUES = 2**30  # of pixels held at a time
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


def check_generator(generator: keras.Model, shape: tuple[int, ...]) -> None:
    """Check that a model draws a student's images.

    Args:
        generator: The model.
        shape: `(height, width, channels)` of the student's input.

    Raises:
        InputError: If it takes something else than noise, or makes other images.
    """
    taken = getattr(generator, "input_shape", None)
    made = getattr(generator, "output_shape", None)
    from_noise = isinstance(taken, tuple) and len(taken) == 2 and taken[1] is not None
    if not from_noise or not isinstance(made, tuple) or tuple(made[1:]) != tuple(shape):
        raise InputError(
            f"Expected a generator from (batch, latent) to images {tuple(shape)}, as the student "
            f"takes them. Received: {generator.name} from {taken} to {made}"
        )


def from_generator(
    generator: keras.Model, student: keras.Model, contract: PixelContract, count: int, seed: int = 0
) -> Calibration:
    """Calibrate with generated images: no real one is needed.

    Every other image is stretched to the full range from black to white, as
    pictures of the world have it: a generator that is not done yet draws pale
    ones, and calibrated on these a file clips what it sees later.

    Args:
        generator: The generator that the student was distilled with.
        student: The student.
        contract: The pixels that both take.
        count: Images.
        seed: Seed of the draw.

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
    """Calibrate with uniform noise: the poor man's choice, for comparison.

    Args:
        shape: `(height, width, channels)`.
        count: Images wanted; fewer come where they would not fit into memory.
        seed: Seed of the draw.
    """
    images = noise_pixels(shape, _affordable(shape, count), _SEED + seed)
    return Calibration(images, f"{len(images)} images of uniform noise")


def noise_pixels(shape: tuple[int, ...], count: int, seed: int) -> np.ndarray:
    """Draw uniform noise, uint8 `(count, height, width, channels)`."""
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


def _affordable(shape: tuple[int, ...], count: int) -> int:
    return max(1, min(count, _MOST_VALUES // int(np.prod(shape))))


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
    folder = pathlib.Path(path)
    files = sorted(f for f in folder.rglob("*") if f.suffix.lower() in _SUFFIXES and f.is_file())
    if not files:
        raise InputError(
            f"Expected --calibration to be a folder with pictures ({', '.join(_SUFFIXES)}). "
            f"Received: {path}, which holds none"
        )
    count = _affordable(shape, min(count, len(files)))
    chosen = np.random.default_rng(seed).permutation(len(files))[:count]
    images = np.stack([_read_picture(files[index], shape) for index in chosen])
    return Calibration(images, f"{len(images)} pictures of {folder.resolve().name}")


def _read_picture(path: pathlib.Path, shape: tuple[int, ...]) -> np.ndarray:
    """One picture as viewers show it: turned upright, and on white where it is transparent."""
    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings(), Image.open(path) as opened:
            warnings.simplefilter("ignore")  # of Pillow, about damaged notes in a picture
            picture = ImageOps.exif_transpose(opened)
            if picture.mode.startswith(("I", "F")):
                raise ValueError(f"{picture.mode}, which has more than 8 bits a channel")
            if picture.has_transparency_data:
                white = Image.new("RGBA", picture.size, "white")
                picture = Image.alpha_composite(white, picture.convert("RGBA"))
            picture = picture.convert({1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[shape[2]])
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(
            f"Expected --calibration with whole pictures of 8 bits a channel. {path} could not be "
            "read"
        ) from error
    if (picture.height, picture.width) != tuple(shape[:2]):
        raise InputError(
            f"Expected --calibration with pictures of the student's {shape[1]}×{shape[0]} "
            f"(width×height). Received: {picture.width}×{picture.height} in {path}"
        )
    return np.asarray(picture, np.uint8).reshape(shape)
