"""Classify images with an exported student: `run_tflite.py student.tflite photo.png …`.

Install its requirements with `pip install numpy pillow ai-edge-litert`. It needs neither dfad_tf
nor TensorFlow, and shows what an app on a phone has to do.
"""

from __future__ import annotations

import argparse
import pathlib
import sys
import warnings
import zipfile
from typing import Any

try:
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter
    from PIL import Image, ImageOps
except ImportError as error:
    sys.exit(f"run_tflite: error: {error}; pip install numpy pillow ai-edge-litert")

SIGNATURE, INPUT = "serving_default", "image"
OUTPUTS = {"logits", "probabilities"}
MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


class InputError(ValueError):
    """A mistake in what the user supplied."""


def main() -> int:
    """Read the command line; return 0 on success and 2 after a mistake."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="a .tflite file of an exported student")
    parser.add_argument("images", nargs="+", help="PNG, JPEG or other files that Pillow reads")
    parser.add_argument("--top", type=int, default=3, help="number of classes to print (default 3)")
    parser.add_argument(
        "--invert", action="store_true", help="exchange dark and light, for dark ink on white paper"
    )
    arguments = parser.parse_args()
    try:
        if arguments.top < 1:
            raise InputError(f"Expected --top to be at least 1. Received: {arguments.top}")
        runner, shape = open_model(arguments.model)
        labels = read_labels(arguments.model)
        # All images are read first, so that a mistake is reported before any answer.
        images = [read_image(path, shape, arguments.invert) for path in arguments.images]
        for path, image in zip(arguments.images, images, strict=True):
            print(f"{path}: {answer(runner, image, labels, arguments.top)}")
    except InputError as error:
        print(f"run_tflite: error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    return 0


def open_model(path: str) -> tuple[Any, tuple[int, int, int]]:
    """Open a LiteRT file.

    Args:
        path: The file.

    Returns:
        A runner, which is called with `image=` and returns a dictionary of arrays, and
        the images' `(height, width, channels)`.

    Raises:
        InputError: If the file is missing or damaged, or not an exported student.
    """
    try:
        content = pathlib.Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"Expected a .tflite file. Received: {path} ({error.strerror})") from error
    if content[4:8] != b"TFL3":  # the file identifier of LiteRT's flatbuffers
        raise InputError(f"Expected a .tflite file. Received: {path}, which is another format")
    try:
        interpreter = Interpreter(model_path=path, num_threads=1)
        interpreter.allocate_tensors()
        signatures = interpreter.get_signature_list()
        runner = interpreter.get_signature_runner(SIGNATURE) if SIGNATURE in signatures else None
    except (ValueError, RuntimeError) as error:
        raise InputError(
            f"Expected a complete .tflite file. Received: {path}, which LiteRT cannot run"
        ) from error
    inputs = runner.get_input_details() if runner else {}
    if set(inputs) != {INPUT} or set(runner.get_output_details()) != OUTPUTS:
        raise InputError(
            f"Expected a student with the input '{INPUT}' and the outputs "
            f"{' and '.join(map(repr, sorted(OUTPUTS)))}. "
            f"Received: {path} with the signatures {signatures}"
        )
    shape, dtype = inputs[INPUT]["shape"], np.dtype(inputs[INPUT]["dtype"])
    if dtype != np.uint8 or len(shape) != 4 or shape[0] != 1 or shape[3] not in MODES:
        raise InputError(
            "Expected a student whose input is one uint8 image (1, height, width, channels). "
            f"Received: {path} with {dtype} {tuple(int(size) for size in shape)}"
        )
    return runner, tuple(int(size) for size in shape[1:])


def read_labels(path: str) -> list[str]:
    """Read the labels in the zip archive at the end of a file; return [] if there are none."""
    try:
        with zipfile.ZipFile(path) as archive:
            # Not splitlines, which also splits at characters that labels may contain.
            return archive.read("labels.txt").decode("utf-8").removesuffix("\n").split("\n")
    except (zipfile.BadZipFile, KeyError, UnicodeDecodeError):
        return []


def read_image(path: str, shape: tuple[int, int, int], invert: bool = False) -> np.ndarray:
    """Read an image file and adapt it to the student's size.

    An image that is at most a quarter too small is centered on black, as MNIST's 28×28 on
    32×32. Any other image is cropped to the student's aspect ratio and scaled.

    Args:
        path: The image file.
        shape: `(height, width, channels)`.
        invert: Whether to exchange dark and light.

    Returns:
        uint8 `(1, height, width, channels)`.

    Raises:
        InputError: If the file is not a complete image.
    """
    height, width, channels = shape
    try:
        with warnings.catch_warnings(), Image.open(path) as opened:
            warnings.simplefilter("ignore")  # Pillow warns about damaged metadata
            image = ImageOps.exif_transpose(opened)  # phones record rotation as metadata
            if image.mode.startswith(("I", "F")):
                raise InputError(
                    f"Expected an image of 8 bits per channel. Received: {path}, of mode "
                    f"{image.mode}"
                )
            image = on_white(image).convert("L" if channels < 3 else "RGB")
    except InputError:
        raise
    except FileNotFoundError as error:
        raise InputError(f"Expected an image. Received: {path}, which does not exist") from error
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(
            f"Expected a complete image. Received: {path}, which cannot be read"
        ) from error
    if invert:
        image = ImageOps.invert(image)
    if all(s <= t <= 1.25 * s for s, t in zip(image.size, (width, height), strict=True)):
        canvas = Image.new(image.mode, (width, height))
        canvas.paste(image, ((width - image.width) // 2, (height - image.height) // 2))
        image = canvas
    else:
        image = ImageOps.fit(image, (width, height), Image.Resampling.BILINEAR)
    return np.asarray(image.convert(MODES[channels]), np.uint8).reshape(1, *shape)


def on_white(image: Image.Image) -> Image.Image:
    """Put an image with transparency on a white background, as viewers show it."""
    if not image.has_transparency_data:
        return image
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)


def answer(runner: Any, image: np.ndarray, labels: list[str], top: int) -> str:
    """Classify an image and format its most probable classes."""
    # Computed from the logits, because an int8 file rounds its probabilities to 1/256.
    logits = np.asarray(runner(**{INPUT: image})["logits"], np.float64)[0]
    shares = np.exp(logits - logits.max())
    shares /= shares.sum()
    names = labels if len(labels) == len(shares) else [f"class {i}" for i in range(len(shares))]
    best = np.argsort(-shares, kind="stable")[:top]
    return ", ".join(f"{names[index]} {percent(shares[index])}" for index in best)


def percent(share: float) -> str:
    """Format a probability; a small one is not rounded to zero."""
    return "< 0.1 %" if share < 0.0005 else f"{100 * share:.1f} %"


if __name__ == "__main__":
    sys.exit(main())
