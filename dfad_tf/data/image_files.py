"""Image files of a user's folder."""

from __future__ import annotations

import pathlib
import warnings
from collections.abc import Sequence

import numpy as np

from dfad_tf.utils.errors import InputError

_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")


def image_files(path: str) -> list[pathlib.Path]:
    """Return the PNG, JPEG, BMP and WebP files of a folder, also those in its subfolders.

    Args:
        path: The folder.

    Returns:
        The files in alphabetical order.

    Raises:
        InputError: If there are none.
    """
    folder = pathlib.Path(path)
    files = sorted(f for f in folder.rglob("*") if f.suffix.lower() in _SUFFIXES and f.is_file())
    if not files:
        raise InputError(
            f"Expected `path` to be a folder with images ({', '.join(_SUFFIXES)}). "
            f"Received: {path}, which contains none"
        )
    return files


def read_image(path: pathlib.Path, shape: Sequence[int], resize: bool = False) -> np.ndarray:
    """Read an image as viewers show it: rotated as its EXIF data say, and on white.

    Args:
        path: The file.
        shape: `(height, width, channels)`, with 1 to 4 channels.
        resize: Whether an image of another size is scaled to this one.

    Returns:
        Raw pixels from 0 to 255, uint8 `(height, width, channels)`.

    Raises:
        InputError: If the image is not readable, or has another size and is not scaled.
    """
    from PIL import Image, ImageOps

    size = (shape[1], shape[0])
    try:
        with warnings.catch_warnings(), Image.open(path) as opened:
            warnings.simplefilter("ignore")  # Pillow warns about damaged metadata
            image = ImageOps.exif_transpose(opened)
            if image.mode.startswith(("I", "F")):
                raise ValueError(f"{image.mode}, which has more than 8 bits per channel")
            if image.has_transparency_data:
                white = Image.new("RGBA", image.size, "white")
                image = Image.alpha_composite(white, image.convert("RGBA"))
            image = image.convert({1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[shape[2]])
            if resize and image.size != size:
                image = image.resize(size, Image.Resampling.BILINEAR)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(
            "Expected `path` to contain complete images of 8 bits per channel. "
            f"Received: {path}, which cannot be read"
        ) from error
    if image.size != size:
        raise InputError(
            f"Expected `path` to contain images of the student's size, {shape[1]}×{shape[0]} "
            f"(width×height). Received: {image.width}×{image.height} in {path}"
        )
    return np.asarray(image, np.uint8).reshape(tuple(shape))
