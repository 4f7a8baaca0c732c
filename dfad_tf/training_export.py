"""What a run of training exports: the student, with int8 calibrated by its own generator."""

from __future__ import annotations

import pathlib
from typing import Any

import keras
from absl import flags

from dfad_tf import exporting
from dfad_tf.from_flags import Teacher

FLAGS = flags.FLAGS
_CALIBRATION_IMAGES = 500


def check_brought_student(student: keras.Model, teacher: Teacher) -> None:
    """Check that a user's own architecture can be exported, before it is trained for hours.

    Raises:
        InputError: If LiteRT has not built in what it needs; `--export=none` trains it.
    """
    exports = exporting.check_exports(FLAGS.export, "--export")
    brought = FLAGS.student.endswith((".keras", ".h5", ".hdf5"))
    if brought and set(exports) & set(exporting.LITE_FILES):
        exporting.check_convertible(student, teacher.description.contract)


def export(
    folder: pathlib.Path, distiller: Any, teacher: Teacher, test: Any, result: dict[str, Any]
) -> dict[str, Any] | None:
    """Export the student of a run into its folder.

    Args:
        folder: The run's folder.
        distiller: The fitted distiller.
        teacher: The teacher.
        test: Test images; None where no data set was named.
        result: The content of `result.json` so far.

    Returns:
        Size, accuracy and agreement by file; None where nothing is exported.
    """
    exports = exporting.check_exports(FLAGS.export, "--export")
    if not exports:
        return None
    print("Exporting", flush=True)
    student, generator = distiller.student, distiller.generator
    contract = teacher.description.contract
    calibration = None
    if "int8" in exports:
        calibration = exporting.from_generator(generator, student, contract, _CALIBRATION_IMAGES)
    labels = result["labels"] or [str(i) for i in range(teacher.description.num_classes)]
    provenance = {
        "distilled by": f"{result['method']}, seed {result['seed']}, without data",
        "teacher": pathlib.Path(result["teacher"]).name,
    }
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
        provenance=provenance,
        say=lambda line: print(line, flush=True),
    )
    kept = ("bytes", "accuracy", "agreement", "milliseconds")
    files = {name: {key: file[key] for key in kept} for name, file in card["files"].items()}
    return {**files, "saved_model": card["saved_model"]}
