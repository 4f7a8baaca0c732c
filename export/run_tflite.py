"""Name what pictures show, with an exported student: `run_tflite.py student.tflite photo.png …`.

It needs `pip install numpy pillow ai-edge-litert`, and neither dfad_tf nor
TensorFlow: it stands for what an app on a phone does.
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
    """A mistake in what the user gave."""


def main() -> int:
    """Read the command line; 0 where all went well, 2 after a mistake."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="a .tflite file of an exported student")
    parser.add_argument("pictures", nargs="+", help="PNG, JPEG or any other picture Pillow reads")
    parser.add_argument("--top", type=int, default=3, help="classes to print (default: 3)")
    parser.add_argument("--invert", action="store_true", help="dark ink on white, as on paper")
    arguments = parser.parse_args()
    try:
        if arguments.top < 1:
            raise InputError(f"Expected --top above 0. Received: {arguments.top}")
        runner, shape = open_model(arguments.model)
        labels = read_labels(arguments.model)
        # All pictures are read first: a mistake in the last one comes before any answer.
        images = [read_picture(path, shape, arguments.invert) for path in arguments.pictures]
        for path, image in zip(arguments.pictures, images, strict=True):
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
        Its runner, called with `image=` and returning a dictionary of arrays, and
        the images' `(height, width, channels)`.

    Raises:
        InputError: If it is absent, damaged, or no exported classifier.
    """
    try:
        content = pathlib.Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"Expected a .tflite file. {path}: {error.strerror}") from error
    if content[4:8] != b"TFL3":  # flatbuffers carry their format's name there
        raise InputError(f"Expected a .tflite file. Received: {path}, which is none")
    try:
        interpreter = Interpreter(model_path=path, num_threads=1)
        interpreter.allocate_tensors()
        signatures = interpreter.get_signature_list()
        runner = interpreter.get_signature_runner(SIGNATURE) if SIGNATURE in signatures else None
    except (ValueError, RuntimeError) as error:
        raise InputError(f"Expected a whole .tflite file. LiteRT cannot run {path}") from error
    inputs = runner.get_input_details() if runner else {}
    if set(inputs) != {INPUT} or set(runner.get_output_details()) != OUTPUTS:
        raise InputError(
            f"Expected a student that takes `{INPUT}` and gives {' and '.join(sorted(OUTPUTS))}. "
            f"Received: {path} with the signatures {signatures}"
        )
    shape, dtype = inputs[INPUT]["shape"], np.dtype(inputs[INPUT]["dtype"])
    if dtype != np.uint8 or len(shape) != 4 or shape[0] != 1 or shape[3] not in MODES:
        raise InputError(
            "Expected a student of one uint8 picture (1, height, width, channels). Received: "
            f"{path}, which takes {dtype} {tuple(int(size) for size in shape)}"
        )
    return runner, tuple(int(size) for size in shape[1:])


def read_labels(path: str) -> list[str]:
    """Read the labels from the zip archive at the file's end; none where there is none."""
    try:
        with zipfile.ZipFile(path) as archive:
            # Not splitlines, which breaks lines at characters that labels may hold.
            return archive.read("labels.txt").decode("utf-8").removesuffix("\n").split("\n")
    except (zipfile.BadZipFile, KeyError, UnicodeDecodeError):
        return []


def read_picture(path: str, shape: tuple[int, int, int], invert: bool = False) -> np.ndarray:
    """Read a picture and bring it to the student's size.

    A picture up to a quarter smaller is centred on black, as MNIST's 28×28 are on
    32×32; any other is cropped to the student's proportions and scaled.

    Args:
        path: A picture.
        shape: `(height, width, channels)`.
        invert: Exchange dark and light.

    Returns:
        uint8 `(1, height, width, channels)`.

    Raises:
        InputError: If it is no whole picture.
    """
    height, width, channels = shape
    try:
        with warnings.catch_warnings(), Image.open(path) as opened:
            warnings.simplefilter("ignore")  # of Pillow, about damaged notes in a picture
            picture = ImageOps.exif_transpose(opened)  # phones turn pictures by such a note
            if picture.mode.startswith(("I", "F")):
                raise InputError(
                    f"Expected a picture of 8 bits a channel. Received: {path}, of mode "
                    f"{picture.mode}"
                )
            picture = on_white(picture).convert("L" if channels < 3 else "RGB")
    except InputError:
        raise
    except FileNotFoundError as error:
        raise InputError(f"Expected a picture. Received: {path} (absent)") from error
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(f"Expected a whole picture. {path} could not be read") from error
    if invert:
        picture = ImageOps.invert(picture)
    if all(s <= t <= 1.25 * s for s, t in zip(picture.size, (width, height), strict=True)):
        canvas = Image.new(picture.mode, (width, height))
        canvas.paste(picture, ((width - picture.width) // 2, (height - picture.height) // 2))
        picture = canvas
    else:
        picture = ImageOps.fit(picture, (width, height), Image.Resampling.BILINEAR)
    return np.asarray(picture.convert(MODES[channels]), np.uint8).reshape(1, *shape)


def on_white(picture: Image.Image) -> Image.Image:
    """Lay a picture with transparency on white, as viewers show it."""
    if not picture.has_transparency_data:
        return picture
    picture = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)


def answer(runner: Any, image: np.ndarray, labels: list[str], top: int) -> str:
    """Run a picture and write its most probable classes."""
    # From the logits: an int8 file rounds its own probabilities to 1/256.
    logits = np.asarray(runner(**{INPUT: image})["logits"], np.float64)[0]
    shares = np.exp(logits - logits.max())
    shares /= shares.sum()
    names = labels if len(labels) == len(shares) else [f"class {i}" for i in range(len(shares))]
    best = np.argsort(-shares, kind="stable")[:top]
    return ", ".join(f"{names[index]} {percent(shares[index])}" for index in best)


def percent(share: float) -> str:
    """Write a probability; none is called zero."""
    return "< 0.1 %" if share < 0.0005 else f"{100 * share:.1f} %"


if __name__ == "__main__":
    sys.exit(main())
