"""Read the flags of image shapes and pixel values, as numbers and as a pixel contract."""

from __future__ import annotations

import math
import pathlib
from typing import Any

import keras
from absl import flags

from dfad_tf.command_line.argument_flags import argument_flags
from dfad_tf.data.pixel_contract import PixelContract
from dfad_tf.runs import run_record
from dfad_tf.teachers.description import contract_of
from dfad_tf.teachers.pixel_detection import UndecidedPixelsError, declared_contract
from dfad_tf.utils.errors import InputError

FLAGS = flags.FLAGS
INFERRED = ("auto", "auto_best")


def check_pixel_flags() -> None:
    """Check that the mean and the standard deviation of the pixels are given together.

    Raises:
        InputError: If one is missing, or a value is out of range.
    """
    mean, std = numbers("input_mean", float), numbers("input_std", float)
    if (mean is None) != (std is None) or (mean and std and len(mean) != len(std)):
        raise InputError(
            "Expected --input_mean and --input_std together, with the same number of values. "
            f"Received: {FLAGS.input_mean} and {FLAGS.input_std}"
        )
    if std and min(std) <= 0:
        raise InputError(f"Expected --input_std above 0. Received: {','.join(FLAGS.input_std)}")
    if FLAGS.input_range == "standardized" and mean is None:
        raise InputError(
            "Expected --input_mean and --input_std with --input_range=standardized. "
            "Received: neither"
        )
    if FLAGS.input_range in INFERRED and mean is not None:
        raise InputError(
            "Expected --input_range with --input_mean and --input_std. "
            f"Received: {FLAGS.input_range}"
        )


def image_shape() -> tuple[int, int, int] | None:
    """Return the shape that `--image_shape` gives; None where it is not set."""
    return numbers("image_shape", int, 3)


def contract_from_flags(channels: int) -> PixelContract | None:
    """Return the pixel contract that the user declares; None where it has to be detected.

    Raises:
        InputError: If the mean or the standard deviation is missing or does not fit the channels.
    """
    if FLAGS.input_range in INFERRED:
        return None
    mean, std = numbers("input_mean", float), numbers("input_std", float)
    if mean and len(mean) not in (1, channels):
        raise InputError(
            f"Expected --input_mean and --input_std with 1 or {channels} values. "
            f"Received: {','.join(FLAGS.input_mean)}"
        )
    with argument_flags(mean="input_mean"):
        return declared_contract(FLAGS.input_range, channels, mean, std)


def contract_of_model(model: keras.Model, path: str) -> PixelContract:
    """Return the declared pixel contract, or what the model's run recorded, or the inferred one.

    Args:
        model: A classifier of images.
        path: Its file.

    Raises:
        InputError: If a flag or the record is wrong, or several ranges are likely.
    """
    channels = model.input_shape[-1]
    recorded = run_record.run_of(pathlib.Path(path))
    known = contract_from_flags(channels) or run_record.contract_of(recorded, channels)
    return known or inferred_contract(model)


def inferred_contract(model: keras.Model) -> PixelContract:
    """Return the declared pixel contract, or the one that is inferred from the model.

    Args:
        model: A classifier of images.

    Raises:
        InputError: If a flag is wrong, or several ranges are likely and `--input_range` is auto.
    """
    declared = contract_from_flags(model.input_shape[-1])
    if declared:
        return declared
    try:
        return contract_of(model, decide=FLAGS.input_range == "auto_best")
    except UndecidedPixelsError as error:
        names = [candidate.range for candidate in error.candidates]
        raise InputError(
            "Expected --input_range, because the model does not say which pixels it was trained "
            f"on: {', '.join(names)}, the likeliest first. Received: auto; auto_best takes "
            f"{names[0]}"
        ) from error


def numbers(name: str, kind: type, count: int | None = None) -> Any:
    """Return a list flag as a tuple of numbers, or None."""
    values = getattr(FLAGS, name)
    if values is None:
        return None
    try:
        numbers = tuple(kind(value) for value in values)
    except ValueError:
        numbers = ()
    if not numbers or not all(map(math.isfinite, numbers)):
        numbers = ()
    if not numbers or (count and len(numbers) != count) or (kind is int and min(numbers) < 1):
        what = f"{count} " if count else ""
        words = "whole numbers above 0" if kind is int else "numbers"
        raise InputError(f"Expected --{name} to be {what}{words}. Received: {','.join(values)!r}")
    return numbers
