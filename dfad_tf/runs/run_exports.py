"""What a run of training exports: the student, with int8 calibrated by its own generator."""

from __future__ import annotations

import pathlib
from typing import Any

import keras
from absl import flags

from dfad_tf import exporting
from dfad_tf.data.datasets import ImageDataset
from dfad_tf.runs.records import Teacher
from dfad_tf.teachers.model_files import is_model_file

FLAGS = flags.FLAGS
_CALIBRATION_IMAGES = 500


def check_brought_student(student: keras.Model, teacher: Teacher) -> None:
    """Check that a user's own architecture can be exported, before it is trained for hours.

    Raises:
        InputError: If LiteRT has not built in what it needs; `--export=none` trains it.
    """
    exports = exporting.check_exports(FLAGS.export, "--export")
    if is_model_file(FLAGS.student) and set(exports) & set(exporting.LITE_FILES):
        exporting.check_convertible(student, teacher.description.contract)


def export(
    folder: pathlib.Path,
    student: keras.Model,
    generator: keras.Model | None,
    teacher: Teacher,
    dataset: ImageDataset | None,
    test: Any,
    result: dict[str, Any],
) -> dict[str, Any] | None:
    """Export the student of a run into its folder.

    Args:
        folder: The run's folder.
        student: The fitted student.
        generator: The generator, whose images calibrate int8; None where data taught.
        teacher: The teacher.
        dataset: The data that taught, which then calibrates; None where no data set was named.
        test: Test images; None where no data set was named.
        result: The content of `result.json` so far.

    Returns:
        `files` (size, accuracy, agreement and time by name), `saved_model`, and `left_out`,
        why by name; None where nothing is exported.
    """
    exports = exporting.check_exports(FLAGS.export, "--export")
    if not exports:
        return None
    print("Exporting", flush=True)
    contract = teacher.description.contract
    calibration = None
    if "int8" in exports and generator is not None:
        calibration = exporting.from_generator(generator, student, contract, _CALIBRATION_IMAGES)
    elif "int8" in exports and dataset is not None:
        images = dataset.load("train", teacher.description.image_shape)[0]
        source = f"training images of {dataset.name}"
        calibration = exporting.from_images(images, _CALIBRATION_IMAGES, source)
    labels = result["labels"] or [str(i) for i in range(teacher.description.num_classes)]
    provenance = exporting.provenance_of(result)
    card = exporting.export_student(
        student,
        str(folder / "export"),
        contract,
        labels,
        exports,
        calibration,
        generator,
        (test.pixels, test.labels) if test else None,
        result["dataset"],
        leave_out=True,
        provenance=provenance,
        say=lambda line: print(line, flush=True),
    )
    kept = ("bytes", "accuracy", "agreement", "milliseconds")
    files = {name: {key: file[key] for key in kept} for name, file in card["files"].items()}
    return {"files": files, "saved_model": card["saved_model"], "left_out": card["left_out"]}


def check_whole(exports: dict[str, Any] | None, folder: pathlib.Path) -> None:
    """Check, once everything else is saved and said, that no file was left out.

    Args:
        exports: What `export` returns.
        folder: The run's folder.

    Raises:
        InputError: If one was.
    """
    for name, reason in (exports or {}).get("left_out", {}).items():
        raise InputError(
            f"{name} was left out of {folder / 'export'}; all else is there. {reason}. "
            f"`python -m dfad_tf.to_tflite --model={folder / 'student.keras'}` exports again."
        )
