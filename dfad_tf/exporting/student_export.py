"""Export a student: convert, reopen, compare and time every file, then publish the folder."""

from __future__ import annotations

import logging
import pathlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass

import keras

from dfad_tf.data.pixel_contract import PixelContract
from dfad_tf.exporting.agreement import (
    LabelledImages,
    Reference,
    check_agreement,
    compare,
    keras_logits,
    reference_of,
)
from dfad_tf.exporting.calibration import Calibration
from dfad_tf.exporting.checks import CARD_FILES, check_calibration, check_labels, check_output
from dfad_tf.exporting.exporter import Exporter, ExportInputs, TimedModel, size_of
from dfad_tf.exporting.formats import EXPORTERS, FORMATS, check_formats
from dfad_tf.exporting.latency import latencies
from dfad_tf.exporting.model_card import ModelCard, card_text
from dfad_tf.exporting.serving import INPUT, LOGITS, PROBABILITIES, float32_copy
from dfad_tf.graphs.parameters import trainable_parameters
from dfad_tf.utils.errors import InputError
from dfad_tf.utils.files import write_folder, write_json
from dfad_tf.utils.versions import versions

_LOG = logging.getLogger(__name__)
_ROUNDS = 31
_MIXED_PRECISION_ERROR = 0.2  # maximum of `logit_error`; bfloat16 keeps two to three digits


@dataclass(frozen=True)
class ExportOptions:
    """Settings of `export_student` that have defaults.

    Args:
        calibration: Images that calibrate the format `"int8"`, which requires them.
        generator: Generates images to compare the files on; None compares on noise.
        test: Real images to compare the files on and to measure accuracy with.
        batch_size: Number of images per call of the LiteRT files, at least 1.
        tolerance: Maximum share of images, 0 to 1, whose class a file may change although the
            Keras student is decided; None uses the maximum of each format.
        leave_out: Whether a file that cannot be converted, or that differs too much from the
            Keras student, is left out and named on the card, instead of raising an error.
        overwrite: Whether to replace an earlier export.
        provenance: Where the student comes from, by topic, for the card.
    """

    calibration: Calibration | None = None
    generator: keras.Model | None = None
    test: LabelledImages | None = None
    batch_size: int = 1
    tolerance: float | None = None
    leave_out: bool = False
    overwrite: bool = False
    provenance: dict[str, str] | None = None


def export_student(
    student: keras.Model,
    folder: str,
    contract: PixelContract,
    labels: Sequence[str],
    formats: Sequence[str] = FORMATS,
    options: ExportOptions | None = None,
) -> ModelCard:
    """Write a student's deployable files and their model card into one new folder.

    Each file is reopened, as a phone opens it, and compared with the Keras student. A file that
    differs too much raises an error, and then the folder is not created.

    Args:
        student: A classifier of images `(batch, height, width, channels)`, of any dtype policy.
        folder: The folder to create.
        contract: The pixels that the student expects.
        labels: Names of the classes, in order.
        formats: Names in `FORMATS`. `"int8"` requires `ExportOptions.calibration`.
        options: Further settings; None uses the defaults.

    Returns:
        The content of `card.json`.

    Raises:
        InputError: If the folder exists, the labels do not fit, a file cannot be converted, or
            a file differs too much from the Keras student.

    Example:

    >>> card = export_student(student, "export", contract, "abc", ["float32"])
    >>> list(card["files"])
    ['student_float32.tflite']
    """
    options = options or ExportOptions()
    place = pathlib.Path(folder)
    check_output(place, options.overwrite)
    exporters = [EXPORTERS[name] for name in check_formats(formats)]
    check_labels(labels, student.output_shape[-1])
    check_calibration(exporters, options.calibration)
    student = _checked_float32_copy(student, contract)
    reference = reference_of(student, contract, options.generator, options.test)
    card = _new_card(student, contract, labels, exporters, options)
    card["checked_on"] = {kind: len(images) for kind, images in reference.pixels.items()}
    if options.test is not None:
        card["keras_accuracy"] = reference.accuracy(reference.logits["test"])
    inputs = _inputs(student, contract, card, options)

    def write(temporary: pathlib.Path) -> None:
        _write_files(exporters, inputs, reference, options, card, temporary)
        as_json, as_text = (temporary / name for name in CARD_FILES)
        write_json(as_json, dict(card))
        as_text.write_text(card_text(card), encoding="utf-8")

    write_folder(place, write)
    return card


def _checked_float32_copy(student: keras.Model, contract: PixelContract) -> keras.Model:
    """Return the student in float32, and check that its answers did not change."""
    copy = float32_copy(student)
    if copy is not student:
        given = reference_of(student, contract)
        found = compare(keras_logits(copy, contract, given.pixels), given)
        if not found.logit_error["noise"] <= _MIXED_PRECISION_ERROR:
            raise InputError(
                "Expected `student` to give the same answers in float32 as in mixed precision. "
                f"Received: {student.name}, whose logits differ by "
                f"{found.logit_error['noise']:.2g} of their standard deviation"
            )
    return copy


def _new_card(
    student: keras.Model,
    contract: PixelContract,
    labels: Sequence[str],
    exporters: Sequence[Exporter],
    options: ExportOptions,
) -> ModelCard:
    calibrated = any(exporter.needs_calibration for exporter in exporters)
    return {
        "student": student.name,
        "provenance": options.provenance or {},
        "parameters": trainable_parameters(student),
        "input": {
            "name": INPUT,
            "dtype": "uint8",
            "shape": list(student.input_shape[1:]),
            "values": "raw pixels from 0 to 255",
            "preprocessing": f"inside the file: to {contract.range}, as the Keras model expects",
        },
        "outputs": dict.fromkeys((LOGITS, PROBABILITIES), "float32 (batch, classes)"),
        "labels": list(labels),
        "calibration": options.calibration.source if options.calibration and calibrated else None,
        "dataset": options.test.name if options.test else None,
        "checked_on": {},
        "keras_accuracy": None,
        "batch_size": options.batch_size,
        "files": {},
        "left_out": {},
        "saved_model": None,
        "versions": versions(),
    }


def _inputs(
    student: keras.Model, contract: PixelContract, card: ModelCard, options: ExportOptions
) -> ExportInputs:
    metadata = {
        "student": card["student"],
        "provenance": card["provenance"],
        "input": card["input"],
        "outputs": card["outputs"],
    }
    labels = tuple(card["labels"])
    return ExportInputs(
        student, contract, labels, options.calibration, options.batch_size, metadata
    )


def _write_files(
    exporters: Sequence[Exporter],
    inputs: ExportInputs,
    reference: Reference,
    options: ExportOptions,
    card: ModelCard,
    folder: pathlib.Path,
) -> None:
    """Write, compare, describe and time every file."""
    timed: dict[str, TimedModel] = {}
    for exporter in exporters:
        path = folder / exporter.file_name
        try:
            model = exporter.write(inputs, path)
            logits = {kind: model.predict(images) for kind, images in reference.pixels.items()}
            found = compare(logits, reference)
            check_agreement(found, exporter.file_name, exporter.bounds, options.tolerance)
        except InputError as error:
            if not options.leave_out:
                raise
            _remove(path)
            card["left_out"][exporter.file_name] = str(error)
            _LOG.warning("%s is left out. %s", exporter.file_name, error)
            continue
        exporter.describe(card, inputs, path, found)
        if isinstance(model, TimedModel):
            timed[exporter.file_name] = model
        kind = list(reference.pixels)[-1]
        _LOG.info(
            "  %s: %.1f kB, same class as the Keras student for %.2f %% of %s images",
            exporter.file_name,
            size_of(path) / 1000,
            100 * found.same_class[kind],
            kind,
        )
    times = latencies(timed, next(iter(reference.pixels.values())), _ROUNDS)
    for name, milliseconds in times.items():
        card["files"][name]["milliseconds"] = round(milliseconds, 6)


def _remove(path: pathlib.Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
