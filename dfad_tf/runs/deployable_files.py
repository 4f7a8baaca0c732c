"""The deployable files of a run: the exported student, in the run's `export` folder."""

from __future__ import annotations

import logging
import pathlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras

from dfad_tf import exporting
from dfad_tf.runs.records import RunData, Teacher
from dfad_tf.utils.errors import InputError

FOLDER = "export"
_LOG = logging.getLogger(__name__)
_CALIBRATION_IMAGES = 500
_RECORDED = ("bytes", "accuracy", "agreement", "milliseconds")


@dataclass(frozen=True)
class DeployableStudent:
    """A student after distillation, and the images that its files are calibrated and checked with.

    Attributes:
        student: The student.
        generator: The generator, whose images calibrate int8; None after a distillation with
            data, where the training images of the data set calibrate it.
        data: The teacher, whose images the student takes, and the data set.
    """

    student: keras.Model
    generator: keras.Model | None
    data: RunData


def check_deployable(student: keras.Model, teacher: Teacher, formats: Sequence[str]) -> None:
    """Check that an architecture can be exported, before it is trained for hours.

    Args:
        student: The student, not trained yet.
        teacher: Its teacher.
        formats: Names in `exporting.FORMATS`.

    Raises:
        InputError: If a format is a LiteRT format and LiteRT does not provide the student's
            operations.
    """
    if set(formats) & set(exporting.LITE_FORMATS):
        exporting.check_convertible(student, teacher.description.contract)


def write_deployable_files(
    folder: pathlib.Path, formats: Sequence[str], source: DeployableStudent, result: dict[str, Any]
) -> dict[str, Any] | None:
    """Export the student of a run into its folder.

    A file that cannot be converted, or that differs too much from the Keras student, is left
    out; `check_complete` reports it.

    Args:
        folder: The run's folder.
        formats: Names in `exporting.FORMATS`; empty exports nothing.
        source: The student and the images.
        result: The content of `result.json` so far.

    Returns:
        `files` (size, accuracy, agreement and latency by name), `saved_model`, and `left_out`
        (the reason by name); None if nothing is exported.
    """
    if not formats:
        return None
    _LOG.info("Exporting the student")
    description = source.data.teacher.description
    test = None
    if source.data.test is not None:
        pixels, labels = source.data.test.pixels, source.data.test.labels
        test = exporting.LabelledImages(pixels, labels, result["dataset"])
    card = exporting.export_student(
        source.student,
        str(folder / FOLDER),
        description.contract,
        result["labels"] or [str(index) for index in range(description.num_classes)],
        formats,
        exporting.ExportOptions(
            calibration=_calibration(source) if "int8" in formats else None,
            generator=source.generator,
            test=test,
            leave_out=True,
            provenance=exporting.provenance_of(result),
        ),
    )
    files = {
        name: {key: value for key, value in file.items() if key in _RECORDED}
        for name, file in card["files"].items()
    }
    return {"files": files, "saved_model": card["saved_model"], "left_out": card["left_out"]}


def _calibration(source: DeployableStudent) -> exporting.Calibration | None:
    description = source.data.teacher.description
    if source.generator is not None:
        return exporting.from_generator(
            source.generator, source.student, description.contract, _CALIBRATION_IMAGES
        )
    if source.data.dataset is None:
        return None
    images, _ = source.data.dataset.load("train", description.image_shape)
    return exporting.from_images(
        images, _CALIBRATION_IMAGES, f"training images of {source.data.dataset.name}"
    )


def check_complete(exports: dict[str, Any] | None, folder: pathlib.Path) -> None:
    """Check that no file was left out, after everything else is saved and reported.

    Args:
        exports: The return value of `write_deployable_files`.
        folder: The run's folder.

    Raises:
        InputError: If a file was left out.
    """
    for name, reason in (exports or {}).get("left_out", {}).items():
        command = "to_saved_model" if name == "saved_model" else "to_tflite"
        raise InputError(
            f"Expected every format of `export` to be written. Received: {name} was left out of "
            f"{folder / FOLDER}; all other files are there. {reason}. The command "
            f"`python -m dfad_tf.{command}` exports {folder / 'student.keras'} again."
        )
