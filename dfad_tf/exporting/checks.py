"""Checks before an export starts."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence

import keras

from dfad_tf.data.pixel_contract import PixelContract
from dfad_tf.exporting.calibration import Calibration
from dfad_tf.exporting.exporter import Exporter, ExportInputs
from dfad_tf.exporting.formats import EXPORTERS
from dfad_tf.exporting.lite_exporter import Float32Exporter
from dfad_tf.exporting.lite_model import LiteModel
from dfad_tf.exporting.serving import float32_copy
from dfad_tf.utils.errors import InputError
from dfad_tf.utils.files import check_writable

CARD_FILES = ("card.json", "card.md")


def check_output(folder: pathlib.Path, overwrite: bool) -> None:
    """Check that an export may be written to a folder, without changing anything.

    Args:
        folder: The folder to create.
        overwrite: Whether an earlier export may be replaced.

    Raises:
        InputError: If the folder exists and may not be replaced, or cannot be created.
    """
    place = folder.resolve()
    check_writable(place.parent, "the parent of `folder`")
    if not place.exists():
        return
    if not overwrite:
        raise InputError(
            f"Expected `folder` to be a new folder, or `overwrite`. Received: {folder}, which "
            "exists and was not changed"
        )
    if place == pathlib.Path.cwd():
        raise InputError(
            "Expected `folder` to be a folder that can be replaced. Received the current folder: "
            f"{place}"
        )
    contents = [path.name for path in place.iterdir()] if place.is_dir() else [place.name]
    written = {*CARD_FILES, *(exporter.file_name for exporter in EXPORTERS.values())}
    others = sorted(set(contents) - written)
    if others:
        raise InputError(
            "Expected `folder` to contain an export and nothing else, because `overwrite` "
            f"replaces it completely. Received: {folder} with {', '.join(others[:3])}"
        )


def check_convertible(student: keras.Model, contract: PixelContract) -> None:
    """Check that a student can be converted to LiteRT, before a long training.

    Args:
        student: A classifier, trained or not.
        contract: The pixels that it expects.

    Raises:
        InputError: If the student needs operations that LiteRT does not provide.
    """
    LiteModel(
        Float32Exporter().convert(ExportInputs(float32_copy(student), contract)), student.name
    )


def check_labels(labels: Sequence[str], count: int) -> None:
    """Check the names of the classes.

    Args:
        labels: Names of the classes.
        count: Number of classes.

    Raises:
        InputError: If their number differs, or a name contains a line break.
    """
    if len(labels) != count:
        raise InputError(f"Expected {count} `labels`, one for each class. Received: {len(labels)}")
    broken = [label for label in labels if "\n" in label or "\r" in label]
    if broken:
        raise InputError(f"Expected `labels` of one line each. Received: {broken[0]!r}")


def check_calibration(exporters: Sequence[Exporter], calibration: Calibration | None) -> None:
    """Check that there are calibration images if a format needs them.

    Args:
        exporters: The formats to write.
        calibration: The images.

    Raises:
        InputError: If there are none.
    """
    missing = [exporter.format for exporter in exporters if exporter.needs_calibration]
    if missing and calibration is None:
        raise InputError(
            f"Expected `calibration` images for the format {missing[0]}. Received: None"
        )
