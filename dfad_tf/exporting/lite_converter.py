"""Convert a student to LiteRT files, with built-in operations only."""

from __future__ import annotations

import contextlib
import io
import pathlib
import re
import tempfile
import warnings
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dfad_tf.data.pixel_contract import PixelContract
from dfad_tf.exporting.calibration import Calibration
from dfad_tf.exporting.saved_model import write_saved_model
from dfad_tf.exporting.serving import INPUT, serving_function
from dfad_tf.utils.errors import InputError
from dfad_tf.utils.native_messages import no_native_messages


def convert(
    student: keras.Model,
    contract: PixelContract,
    precision: str,
    calibration: Calibration | None = None,
    batch_size: int = 1,
) -> bytes:
    """Convert a student to one LiteRT file.

    All files take uint8 and give float32. `"int8"` computes in integers between
    the two; the others take the pixels to float32 first.

    Args:
        student: A classifier in float32.
        contract: The pixels that it expects.
        precision: A name of `LITE_FILES`.
        calibration: What `"int8"` needs, and nothing else.
        batch_size: Images at a time.

    Returns:
        The file's content.

    Raises:
        InputError: If it needs operations that LiteRT has not built in.
    """
    if precision == "int8" and calibration is None:
        raise ValueError("Expected `calibration` for int8. Received: None")
    # The converter puts uint8 in the place of float32 itself where all is integer:
    # a cast in the graph would be the one operation in floating point.
    dtype = "float32" if precision == "int8" else "uint8"
    function = serving_function(student, contract, batch_size, dtype)
    # `from_concrete_functions` saves the graph by itself, and fails on swish's gradient.
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "saved_model"
        write_saved_model(function, path)
        converter = tf.lite.TFLiteConverter.from_saved_model(str(path))
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        if precision != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if precision == "float16":
            converter.target_spec.supported_types = [tf.float16]
        if calibration is not None and precision == "int8":
            _quantise_fully(converter, calibration.spanning(), batch_size)
        try:
            with _silence():
                return bytes(converter.convert())
        except Exception as error:  # the converter raises its own, and MLIR's
            raise _not_convertible(student, error) from error


def _quantise_fully(converter: Any, images: np.ndarray, batch_size: int) -> None:
    def batches() -> Iterator[dict[str, np.ndarray]]:
        # All images are seen where the batch does not divide them: the last repeat.
        for start in range(0, len(images), batch_size):
            chosen = np.arange(start, start + batch_size) % len(images)
            yield {INPUT: images[chosen].astype(np.float32)}

    converter.representative_dataset = batches
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.uint8
    converter.inference_output_type = tf.float32


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    with warnings.catch_warnings(), no_native_messages(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")  # the calibrator's own interpreter is deprecated
        yield


def _not_convertible(student: keras.Model, error: Exception) -> InputError:
    text = str(error)
    found = re.search(r"(?:TF Select ops|Flex ops|Custom ops): ([\w, ]+)", text)
    if found:
        return InputError(
            "Expected a student of operations that LiteRT has built in. Received: "
            f"{student.name}, which needs {found[1].strip()}"
        )
    first = next((line for line in text.splitlines() if line.strip()), type(error).__name__)
    return InputError(f"{student.name} could not be converted to LiteRT: {first[:200]}")
