"""Convert a model file into an export folder, for `to_tflite` and `to_saved_model`."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
from absl import flags

from dfad_tf import exporting
from dfad_tf.command_line import pixel_flags, teacher_builder
from dfad_tf.command_line.argument_flags import argument_flags
from dfad_tf.data import datasets
from dfad_tf.data.datasets import ImageDataset
from dfad_tf.exporting import Calibration, ExportOptions, LabelledImages
from dfad_tf.runs import run_record
from dfad_tf.teachers import loading
from dfad_tf.teachers.description import TeacherDescription, describe_teacher
from dfad_tf.teachers.label_file import labels_beside, read_labels
from dfad_tf.utils.errors import InputError

FLAGS = flags.FLAGS
_GENERATOR = "generator.keras"


@dataclass(frozen=True)
class CalibrationChoice:
    """The images that calibrate int8.

    Attributes:
        source: `"generator"`, `"noise"`, `"dataset"` or a path.
        count: Number of images.
        seed: Seed of their selection.
    """

    source: str
    count: int
    seed: int


@dataclass(frozen=True)
class Conversion:
    """What a command converts `--model` into.

    Attributes:
        formats: Names in `exporting.FORMATS`.
        suffix: End of the default folder's name.
        calibration: The images that calibrate int8; None without int8.
        batch_size: Number of images per call of LiteRT files.
        tolerance: Maximum share of changed classes; None uses the maximum of each format.
    """

    formats: Sequence[str]
    suffix: str
    calibration: CalibrationChoice | None = None
    batch_size: int = 1
    tolerance: float | None = None


def convert_model(conversion: Conversion) -> None:
    """Export `--model`, and print where the files are.

    Args:
        conversion: The formats, and their settings.

    Raises:
        InputError: If a flag is wrong (before anything is converted), or a file differs too
            much from the Keras model.
    """
    student = _student()
    path = pathlib.Path(FLAGS.model)
    output = _output_folder(path, conversion.suffix)
    run = run_record.run_of(path)
    with argument_flags("model", teacher="model", contract="input_range"):
        contract = pixel_flags.contract_of_model(student, FLAGS.model)
        description = describe_teacher(student, contract)
    shape = description.image_shape
    with argument_flags(name="dataset"):
        dataset = datasets.open_dataset(FLAGS.dataset, FLAGS.data_dir) if FLAGS.dataset else None
    if dataset:
        teacher_builder.check_classes(dataset, description.num_classes)
    labels = _labels(path, run, dataset, description.num_classes)
    choice = conversion.calibration
    generator = _generator(path, choice.source if choice else None, shape)
    options = ExportOptions(
        calibration=_calibration(choice, student, description, generator, dataset),
        generator=generator,
        test=LabelledImages(*dataset.load("test", shape), dataset.name) if dataset else None,
        batch_size=conversion.batch_size,
        tolerance=conversion.tolerance,
        overwrite=FLAGS.overwrite,
        provenance={"from": path.name, **exporting.provenance_of(run)},
    )
    with argument_flags(folder="output", student="model"):
        card = exporting.export_student(
            student, str(output), description.contract, labels, conversion.formats, options
        )
    written = [*card["files"], *(["saved_model/"] if card["saved_model"] else [])]
    print(f"{', '.join(written)} and card.md are in {output}")


def _student() -> keras.Model:
    if not FLAGS.model:
        raise InputError("Expected --model. Received none.")
    if pathlib.Path(FLAGS.model).is_dir():
        raise InputError(
            f"Expected --model to be a .keras or .h5 file. Received the folder: {FLAGS.model}"
        )
    pixel_flags.check_pixel_flags()
    with argument_flags("model", path="model"):
        return loading.load_teacher(FLAGS.model, pixel_flags.image_shape(), FLAGS.trust_teacher)


def _output_folder(model: pathlib.Path, suffix: str) -> pathlib.Path:
    output = pathlib.Path(FLAGS.output or model.with_name(f"{model.stem}_{suffix}"))
    if output.suffix in (".tflite", ".keras"):
        raise InputError(f"Expected --output to be a folder. Received: {FLAGS.output}")
    with argument_flags(folder="output"):
        exporting.check_output(output, FLAGS.overwrite)
    return output


def _labels(
    model: pathlib.Path, run: dict[str, Any], dataset: ImageDataset | None, count: int
) -> list[str]:
    """Return the labels of --labels, the run, the data set, labels.txt, or numbers, in order."""
    if FLAGS.labels:
        return _labels_of_file(FLAGS.labels, count)
    named = run_record.labels_of(run) or (list(dataset.label_names) if dataset else [])
    if len(named) != count:
        named = labels_beside(str(model), count)
    return named or [str(index) for index in range(count)]


def _labels_of_file(path: str, count: int) -> list[str]:
    with argument_flags("labels"):
        labels = read_labels(pathlib.Path(path))
    if len(labels) != count:
        raise InputError(
            f"Expected --labels to have {count} lines, one per class. Received: {len(labels)}"
        )
    return labels


def _generator(
    model: pathlib.Path, calibration: str | None, shape: tuple[int, int, int]
) -> keras.Model | None:
    """Load the generator that --calibration names, or the one in the model's folder."""
    named = bool(calibration) and pathlib.Path(calibration or "").suffix == ".keras"
    path = pathlib.Path(calibration or "") if named else model.with_name(_GENERATOR)
    required = named or calibration == "generator"
    if not path.is_file() and calibration == "generator":
        raise InputError(
            f"Expected {_GENERATOR} in the folder of --model for --calibration=generator. "
            "Received none. --calibration=PATH.keras names another generator, and a folder of "
            "images is possible too."
        )
    if not path.is_file() and not named:
        return None
    try:
        with argument_flags("calibration", path="calibration", generator="calibration"):
            generator = loading.load_keras_file(str(path), FLAGS.trust_teacher)
            exporting.check_generator(generator, shape)
    except InputError:
        if required:
            raise
        print(
            f"{path} does not generate images for this model, which is compared on noise instead",
            flush=True,
        )
        return None
    return generator


def _calibration(
    choice: CalibrationChoice | None,
    student: keras.Model,
    description: TeacherDescription,
    generator: keras.Model | None,
    dataset: ImageDataset | None,
) -> Calibration | None:
    """Return the images that --calibration names."""
    if choice is None:
        return None
    shape = description.image_shape
    source, count, seed = choice.source, choice.count, choice.seed
    if source == "noise":
        return exporting.from_noise(shape, count, seed)
    if source == "dataset":
        if dataset is None:
            raise InputError("Expected --dataset with --calibration=dataset. Received none.")
        images, _ = dataset.load("train", shape)
        return exporting.from_images(images, count, f"training images of {dataset.name}", seed)
    if generator is not None and (source == "generator" or source.endswith(".keras")):
        return exporting.from_generator(generator, student, description.contract, count, seed)
    if not source or not pathlib.Path(source).is_dir():
        raise InputError(
            "Expected --calibration to be generator, noise, dataset, a generator's .keras file or "
            f"a folder of images. Received: {source!r}"
        )
    with argument_flags("calibration", path="calibration"):
        return exporting.from_folder(source, shape, count, seed)
