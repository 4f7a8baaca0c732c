"""What the two export commands share: flags → student, labels, images → a folder."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
from absl import flags

from dfad_tf import exporting
from dfad_tf.command_line import builders, pixel_flags
from dfad_tf.command_line.argument_flags import argument_flags
from dfad_tf.data import datasets
from dfad_tf.exporting import Calibration
from dfad_tf.runs import run_record
from dfad_tf.teachers import loading
from dfad_tf.teachers.description import TeacherDescription, describe_teacher
from dfad_tf.utils.errors import InputError

FLAGS = flags.FLAGS
_BESIDE = "generator.keras"


@dataclass(frozen=True)
class CalibrationChoice:
    """What calibrates int8.

    Attributes:
        source: `"generator"`, `"noise"`, `"dataset"` or a path.
        count: Number of images.
        seed: Seed of their draw.
    """

    source: str
    count: int
    seed: int


def export_from_flags(
    suffix: str,
    exports: Sequence[str],
    calibration: CalibrationChoice | None = None,
    batch_size: int = 1,
    tolerance: float | None = None,
) -> None:
    """Export `--model` and say what became of it.

    Args:
        suffix: What the default folder's name ends in.
        exports: Names of exports.
        calibration: What calibrates int8; None where there is none.
        batch_size: Images at a time in LiteRT files.
        tolerance: Another bound on changed classes.

    Raises:
        InputError: On any mistake, before anything is converted.
    """
    student = _student()
    path = pathlib.Path(FLAGS.model)
    output = pathlib.Path(FLAGS.output or path.with_name(f"{path.stem}_{suffix}"))
    if output.suffix in (".tflite", ".keras"):
        raise InputError(f"Expected --output to be a folder. Received: {FLAGS.output}")
    exporting.check_output(output, FLAGS.overwrite)
    run = run_record.run_of(path)
    contract = pixel_flags.contract_of_model(FLAGS.model, student.input_shape[-1])
    with argument_flags(contract="input_range"):
        description = describe_teacher(student, contract)
    shape = description.image_shape
    with argument_flags(name="dataset"):
        dataset = datasets.open_dataset(FLAGS.dataset, FLAGS.data_dir) if FLAGS.dataset else None
    if dataset:
        builders.check_classes(dataset, description.num_classes)
    labels = _labels(run, dataset, description.num_classes)
    generator = _generator(path, calibration.source if calibration else None, shape)
    images = None
    if calibration:
        images = _calibration(calibration, student, description, generator, dataset)
    card = exporting.export_student(
        student,
        str(output),
        description.contract,
        labels,
        exports,
        calibration=images,
        generator=generator,
        test=dataset.load("test", shape) if dataset else None,
        dataset=dataset.name if dataset else None,
        batch_size=batch_size,
        tolerance=tolerance,
        overwrite=FLAGS.overwrite,
        provenance={"from": path.name, **exporting.provenance_of(run)},
        say=lambda line: print(line, flush=True),
    )
    count = len(card["files"]) + bool(card["saved_model"])
    print(f"{count} {'export' if count == 1 else 'exports'} and card.md lie in {output}")


def _student() -> keras.Model:
    if not FLAGS.model:
        raise InputError("Expected --model. Received none.")
    if pathlib.Path(FLAGS.model).is_dir():
        raise InputError(
            f"Expected --model to be a .keras or .h5 file. Received the folder: {FLAGS.model}"
        )
    pixel_flags.check_pixel_flags()
    with argument_flags(path="model"):
        return loading.load_teacher(FLAGS.model, pixel_flags.image_shape(), FLAGS.trust_teacher)


def _labels(run: dict[str, Any], dataset: Any, count: int) -> list[str]:
    """Labels from --labels, the run, the data set, or numbers, in this order."""
    if FLAGS.labels:
        try:
            content = pathlib.Path(FLAGS.labels).read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(
                f"Expected --labels to be a text file with one label a line. "
                f"Received: {FLAGS.labels}"
            ) from error
        # Not splitlines, which breaks lines at characters that labels may hold.
        labels = [line.strip() for line in content.split("\n") if line.strip()]
        if len(labels) != count:
            raise InputError(
                f"Expected {count} lines in --labels, one a class. Received: {len(labels)}"
            )
        return labels
    named = run_record.labels_of(run) or (list(dataset.label_names) if dataset else [])
    return named if len(named) == count else [str(index) for index in range(count)]


def _generator(
    model: pathlib.Path, calibration: str | None, shape: tuple[int, int, int]
) -> keras.Model | None:
    """The generator that --calibration names, or the one that lies beside the model."""
    named = calibration and pathlib.Path(calibration).suffix == ".keras"
    place = pathlib.Path(calibration) if calibration and named else model.with_name(_BESIDE)
    asked = named or calibration == "generator"
    if not place.is_file() and calibration == "generator":
        raise InputError(
            f"Expected {_BESIDE} beside --model for --calibration=generator. Received none; "
            "name one with --calibration=PATH.keras, or a folder of pictures."
        )
    if not place.is_file() and not named:
        return None
    try:
        with argument_flags(path="calibration"):
            generator = loading.load_keras_file(str(place), FLAGS.trust_teacher)
        exporting.check_generator(generator, shape)
    except InputError:
        if asked:
            raise
        print(f"{place} draws no images for this model: it is compared on noise", flush=True)
        return None
    return generator


def _calibration(
    choice: CalibrationChoice,
    student: keras.Model,
    description: TeacherDescription,
    generator: keras.Model | None,
    dataset: Any,
) -> Calibration:
    shape = description.image_shape
    source, count, seed = choice.source, choice.count, choice.seed
    if source == "noise":
        return exporting.from_noise(shape, count, seed)
    if source == "dataset":
        if dataset is None:
            raise InputError("Expected --dataset with --calibration=dataset. Received none.")
        images, _ = dataset.load("train", shape)
        return exporting.from_images(images, count, f"training images of {dataset.name}", seed)
    if source == "generator" or source.endswith(".keras"):
        return exporting.from_generator(generator, student, description.contract, count, seed)
    if not source or not pathlib.Path(source).is_dir():
        raise InputError(
            "Expected --calibration to be generator, noise, dataset, a generator's .keras file or "
            f"a folder of pictures. Received: {source!r}"
        )
    return exporting.from_folder(source, shape, count, seed)
