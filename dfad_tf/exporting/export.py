"""Export a student: convert, reopen, compare, time, and only then put it in place."""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dfad_tf.data.pixel_contract import PixelContract
from dfad_tf.exporting.agreement import (
    Agreement,
    Reference,
    affordable_test_images,
    check_agreement,
    compare,
    reference_of,
)
from dfad_tf.exporting.calibration import Calibration, generated_pixels, noise_pixels
from dfad_tf.exporting.files import EXPORTS, LITE_FILES, SAVED_MODEL, check_exports
from dfad_tf.exporting.lite_converter import convert
from dfad_tf.exporting.lite_metadata import with_metadata
from dfad_tf.exporting.lite_model import LiteModel, float_operations, latencies
from dfad_tf.exporting.model_card import card_text
from dfad_tf.exporting.saved_model import SIGNATURE, write_saved_model
from dfad_tf.exporting.serving import INPUT, LOGITS, PROBABILITIES, float32_copy, serving_function
from dfad_tf.graphs.parameters import trainable_parameters
from dfad_tf.utils.errors import InputError
from dfad_tf.utils.files import check_writable, write_folder, write_json
from dfad_tf.utils.versions import versions

_WRITTEN = ("card.json", "card.md", SAVED_MODEL, *(file.name for file in LITE_FILES.values()))
_INSIDE = ("student", "provenance", "input", "outputs")  # of the card, in each file
_CHECKED = 200  # images of each kind that is drawn here
_SEED = 0xC4EC  # not the images of training, nor those of calibration
_ROUNDS = 31
_MIXED_PRECISION_ERROR = 0.2  # of the logits' spread; bfloat16 keeps two to three digits


def export_student(
    student: keras.Model,
    folder: str,
    contract: PixelContract,
    labels: Sequence[str],
    exports: Sequence[str] = EXPORTS,
    calibration: Calibration | None = None,
    generator: keras.Model | None = None,
    test: tuple[np.ndarray, np.ndarray] | None = None,
    dataset: str | None = None,
    batch_size: int = 1,
    tolerance: float | None = None,
    leave_out: bool = False,
    overwrite: bool = False,
    provenance: dict[str, str] | None = None,
    say: Callable[[str], Any] = lambda _: None,
) -> dict[str, Any]:
    """Write a student's deployable files and their model card into one new folder.

    Each file is reopened, as a phone would open it, and compared with the Keras
    student; one that disagrees is an error, and then nothing is written at all.

    Args:
        student: A classifier of images, of any precision.
        folder: The folder to make.
        contract: The pixels that the student expects.
        labels: Names of its classes, in order.
        exports: Names out of `EXPORTS`.
        calibration: Images for `"int8"`.
        generator: Draws images to compare on; None compares on noise alone.
        test: Real images, uint8 `(n, height, width, channels)`, and their labels,
            which measure accuracy.
        dataset: The test images' name.
        batch_size: Images at a time in the LiteRT files.
        tolerance: Largest share of images whose class a LiteRT file may change although
            the Keras student was decided; None is each precision's own.
        leave_out: Leave a LiteRT file that cannot be converted or disagrees out, and say
            so on the card, in the place of an error.
        overwrite: Replace an export that is there.
        provenance: What the card says of where the student comes from.
        say: Called with a line of progress after each file.

    Returns:
        The content of `card.json`.

    Raises:
        InputError: If the folder is there, the labels do not fit, or a file cannot
            be converted or disagrees with the student.

    Example:

    >>> card = export_student(student, "export", PixelContract("zero_one"), "abc", ["float32"])
    """
    place = pathlib.Path(folder)
    check_output(place, overwrite)
    exports = check_exports(exports, "exports")
    _check_labels(labels, student.output_shape[-1])
    if "int8" in exports and calibration is None:
        raise InputError("Expected calibration images for int8. Received none.")
    student = _faithful_float32(student, contract)
    reference = _reference(student, contract, generator, test)
    card: dict[str, Any] = {
        "student": student.name,
        "provenance": provenance or {},
        "parameters": trainable_parameters(student),
        "input": {
            "name": INPUT,
            "dtype": "uint8",
            "shape": list(student.input_shape[1:]),
            "values": "raw pixels from 0 to 255",
            "preprocessing": f"inside the file: to {contract.range}, as the Keras model takes them",
        },
        "outputs": dict.fromkeys((LOGITS, PROBABILITIES), "float32 (batch, classes)"),
        "labels": list(labels),
        "calibration": calibration.source if calibration and "int8" in exports else None,
        "dataset": dataset if test else None,
        "checked_on": {kind: len(images) for kind, images in reference.pixels.items()},
        "keras_accuracy": reference.accuracy(reference.logits["test"]) if test else None,
        "batch_size": batch_size,
        "files": {},
        "left_out": {},
        "saved_model": None,
        "versions": versions(),
    }

    def write(temporary: pathlib.Path) -> None:
        if SAVED_MODEL in exports:
            card["saved_model"] = _saved_model(student, contract, reference, temporary)
            say(f"  {SAVED_MODEL}/ agrees with the Keras student")
        models = {}
        for file in (LITE_FILES[name] for name in LITE_FILES if name in exports):
            try:
                content = convert(student, contract, file.precision, calibration, batch_size)
                inside = {**{key: card[key] for key in _INSIDE}, "precision": file.precision}
                content = with_metadata(content, labels, inside)
                models[file.name] = LiteModel(content, file.name)
                found = _compare(models[file.name].predict, reference)
                check_agreement(found, file, tolerance)
            except InputError as error:
                if not leave_out:
                    raise
                models.pop(file.name, None)
                card["left_out"][file.name] = str(error)
                say(f"  {file.name} is left out")
                continue
            (temporary / file.name).write_bytes(content)
            card["files"][file.name] = _entry(file.precision, content, found)
            say(f"  {file.name} {_summary(card['files'][file.name])}")
        timed = latencies(models, next(iter(reference.pixels.values())), _ROUNDS)
        for name, milliseconds in timed.items():
            card["files"][name]["milliseconds"] = round(milliseconds, 6)
        write_json(temporary / "card.json", card)
        (temporary / "card.md").write_text(card_text(card), encoding="utf-8")

    write_folder(place, write)
    return card


def check_output(folder: pathlib.Path, overwrite: bool) -> None:
    """Check that an export may be written there, and change nothing.

    Raises:
        InputError: If something is there already, and it may not be replaced.
    """
    place = folder.resolve()
    check_writable(place.parent, "the folder of an export")
    if not place.exists():
        return
    if not overwrite:
        raise InputError(
            f"Expected a new folder, another --output or --overwrite. Received: {folder}, which "
            "is there and is kept"
        )
    if place == pathlib.Path.cwd():
        raise InputError(f"Expected a folder that can be replaced. Received the current: {place}")
    inside = [path.name for path in place.iterdir()] if place.is_dir() else [place.name]
    others = sorted(set(inside) - set(_WRITTEN))
    if others:
        raise InputError(
            f"Expected {folder} to hold an export and nothing else, for --overwrite replaces it "
            f"whole. Received: {', '.join(others[:3])}"
        )


def check_convertible(student: keras.Model, contract: PixelContract) -> None:
    """Check that a student can be exported at all, before hours are spent on training it.

    Raises:
        InputError: If it needs operations that LiteRT has not built in.
    """
    LiteModel(convert(float32_copy(student), contract, "float32"), student.name)


def _check_labels(labels: Sequence[str], count: int) -> None:
    if len(labels) != count:
        raise InputError(f"Expected {count} labels, one a class. Received: {len(labels)}")
    broken = [label for label in labels if "\n" in label or "\r" in label]
    if broken:
        raise InputError(f"Expected labels of one line each. Received: {broken[0]!r}")


def _faithful_float32(student: keras.Model, contract: PixelContract) -> keras.Model:
    """The student in float32, once it is seen to answer as the one that was given."""
    copy = float32_copy(student)
    if copy is not student:
        noise = {"noise": noise_pixels(student.input_shape[1:], _CHECKED, _SEED)}
        given = reference_of(student, contract, noise)
        found = compare(reference_of(copy, contract, noise).logits, given)
        if not found.logit_error["noise"] <= _MIXED_PRECISION_ERROR:
            raise InputError(
                f"Expected {student.name} to answer in float32 as in mixed precision. "
                f"Received logits that differ by {found.logit_error['noise']:.2g} of their spread"
            )
    return copy


def _reference(
    student: keras.Model,
    contract: PixelContract,
    generator: keras.Model | None,
    test: tuple[np.ndarray, np.ndarray] | None,
) -> Reference:
    pixels = {"noise": noise_pixels(student.input_shape[1:], _CHECKED, _SEED)}
    if generator is not None:
        pixels["generated"] = generated_pixels(generator, contract, _CHECKED, _SEED)
    if test is None:
        return reference_of(student, contract, pixels)
    # Evenly spaced: a set may be ordered by class.
    count = affordable_test_images(student, len(test[0]))
    chosen = np.linspace(0, len(test[0]) - 1, count).round().astype(int)
    pixels["test"] = test[0][chosen]
    return reference_of(student, contract, pixels, np.asarray(test[1])[chosen])


def _compare(predict: Callable[[np.ndarray], np.ndarray], reference: Reference) -> Agreement:
    answers = {kind: predict(images) for kind, images in reference.pixels.items()}
    return compare(answers, reference)


def _saved_model(
    student: keras.Model, contract: PixelContract, reference: Reference, folder: pathlib.Path
) -> dict[str, Any]:
    path = folder / SAVED_MODEL
    write_saved_model(serving_function(student, contract), path)
    loaded = tf.saved_model.load(str(path))  # kept: its functions die with it

    def predict(images: np.ndarray) -> np.ndarray:
        batches = np.array_split(images, max(1, len(images) // _CHECKED))
        run = loaded.signatures[SIGNATURE]
        return np.concatenate([run(**{INPUT: tf.constant(b)})[LOGITS].numpy() for b in batches])

    found = _compare(predict, reference)
    check_agreement(found, LITE_FILES["float32"])
    size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    weights = sum(4 * int(np.prod(variable.shape)) for variable in student.variables)
    return {
        "bytes": size,
        "times_the_weights": size / weights,
        "agreement": found.same_class,
        "accuracy": found.accuracy,
    }


def _entry(precision: str, content: bytes, found: Agreement) -> dict[str, Any]:
    return {
        "precision": precision,
        "use": LITE_FILES[precision].use,
        "bytes": len(content),
        "agreement": found.same_class,
        "logit_error": found.logit_error,
        "accuracy": found.accuracy,
        "float_operations": float_operations(content) if precision == "int8" else None,
    }


def _summary(entry: dict[str, Any]) -> str:
    kind = "test" if "test" in entry["agreement"] else next(reversed(entry["agreement"]))
    return (
        f"{entry['bytes'] / 1000:,.1f} kB, agrees with the Keras student on "
        f"{100 * entry['agreement'][kind]:.2f} % of {kind} images"
    )
