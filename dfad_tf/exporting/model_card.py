"""The model card: input and outputs of the exported files, and the figures of each file."""

from __future__ import annotations

import pathlib
from typing import Any, TypedDict

from dfad_tf.exporting.microcontrollers import MicroEntry
from dfad_tf.utils.formatting import format_bytes

DATA_SET = "data set"  # a topic of the provenance, which `dfad-evaluate` looks up
_KINDS = {"test": "real test", "generated": "generated", "noise": "noise"}
_CHANNELS = {1: "gray", 2: "gray, alpha", 3: "red, green, blue", 4: "red, green, blue, alpha"}


class FileEntry(TypedDict):
    """What the card records of one file.

    Attributes:
        precision: Name of the format.
        use: What the format is suited to.
        bytes: Size of the file.
        agreement: Share of images with the class of the Keras student, by kind of image.
        logit_error: Root mean square of the difference to the Keras student's logits, divided
            by their standard deviation, by kind of image.
        accuracy: Accuracy on test images; None without test images.
        float_operations: Operations in floating point in a full-integer file; None otherwise.
        milliseconds: Median latency per image; None if it was not measured.
        microcontrollers: Its operators and memory on microcontrollers; None for files that are
            not meant for them.
    """

    precision: str
    use: str
    bytes: int
    agreement: dict[str, float]
    logit_error: dict[str, float]
    accuracy: float | None
    float_operations: list[str] | None
    milliseconds: float | None
    microcontrollers: MicroEntry | None


class SavedModelEntry(TypedDict):
    """What the card records of a SavedModel.

    Attributes:
        bytes: Size of the folder.
        times_the_weights: This size divided by that of the weights in float32.
        agreement: As in `FileEntry`.
        accuracy: As in `FileEntry`.
    """

    bytes: int
    times_the_weights: float
    agreement: dict[str, float]
    accuracy: float | None


class ModelCard(TypedDict):
    """The content of `card.json`.

    Attributes:
        student: Name of the Keras student.
        provenance: Where the student comes from, by topic.
        parameters: Number of trainable parameters.
        input: Name, dtype, shape, values and preprocessing of the input.
        outputs: Dtype and shape of each output.
        labels: Names of the classes, in order.
        calibration: The images that calibrated full-integer quantization; None without it.
        dataset: Name of the test images; None without test images.
        checked_on: Number of images on which the files were compared, by kind of image.
        keras_accuracy: Accuracy of the Keras student; None without test images.
        batch_size: Number of images per call of the LiteRT files.
        files: The exported files, by name.
        left_out: Why a file was left out, by name.
        saved_model: The SavedModel; None if it was not exported.
        versions: Versions, machine and commit.
    """

    student: str
    provenance: dict[str, str]
    parameters: int
    input: dict[str, Any]
    outputs: dict[str, str]
    labels: list[str]
    calibration: str | None
    dataset: str | None
    checked_on: dict[str, int]
    keras_accuracy: float | None
    batch_size: int
    files: dict[str, FileEntry]
    left_out: dict[str, str]
    saved_model: SavedModelEntry | None
    versions: dict[str, str]


def provenance_of(run: dict[str, Any]) -> dict[str, str]:
    """Describe where a run's student comes from.

    Args:
        run: The content of the run's `result.json`; empty for a model that is not from a run.

    Returns:
        The value for `ExportOptions.provenance`.

    Example:

    >>> provenance_of({"method": "dfad", "seed": 0, "dataset": "mnist"})["distilled by"]
    "the method 'dfad' of dfad_tf, without data, seed 0"
    """
    found = {}
    if "method" in run:
        count = run.get("real_images")
        data = f"with {count:,} labelled images" if count else "without data"
        found["distilled by"] = (
            f"the method '{run['method']}' of dfad_tf, {data}, seed {run.get('seed')}"
        )
    if run.get("teacher"):
        # Only the file name, because the path may contain personal folder names.
        found["teacher"] = pathlib.PurePath(str(run["teacher"])).name
    if run.get("trust"):
        found["trust"] = f"{run['trust']['verdict']}: {run['trust']['reasons'][0]}"
    if run.get("dataset"):
        found[DATA_SET] = str(run["dataset"])
    return found


def card_text(card: ModelCard) -> str:
    """Format a model card as Markdown.

    Args:
        card: The content of `card.json`.
    """
    lines = [f"# {card['student']}", ""]
    lines += [f"- {topic}: {value}" for topic, value in card["provenance"].items()]
    lines += [f"- parameters: {card['parameters']:,}", ""]
    lines += ["## Input and outputs", "", *_input_and_outputs(card), ""]
    if card["files"]:
        lines += ["## Files", "", *_files(card), ""]
    if card["calibration"]:
        lines += [f"Full-integer int8 was calibrated with {card['calibration']}.", ""]
    if card["saved_model"]:
        lines += ["## SavedModel", "", *_saved_model(card["saved_model"]), ""]
    if card["left_out"]:
        lines += [f"`{name}` was left out. {why}." for name, why in card["left_out"].items()]
        lines += [""]
    lines += ["## Labels", "", *_labels(card["labels"]), ""]
    versions = ", ".join(f"{name} {value}" for name, value in card["versions"].items())
    lines += [f"*Exported with {versions}.*", ""]
    return "\n".join(lines)


def _input_and_outputs(card: ModelCard) -> list[str]:
    height, width, channels = card["input"]["shape"]
    rounded = any(file["precision"] == "int8" for file in card["files"].values())
    lines = [
        f"- Input `image`: uint8 `(batch, {height}, {width}, {channels})`, raw pixels from 0 to "
        f"255 ({_CHANNELS[channels]}). The file contains the preprocessing.",
        f"- Outputs `logits` and `probabilities`: float32 `(batch, {len(card['labels'])})`."
        + (" `student_int8.tflite` rounds both to 256 steps." if rounded else ""),
        "- Signature: `serving_default`.",
    ]
    if any(name.endswith(".tflite") for name in card["files"]):
        lines.append(
            f"- `.tflite` files: batch size {card['batch_size']}; only built-in LiteRT "
            "operations; the labels are in `labels.txt` in a zip archive at the end of the file."
        )
    return lines


def _files(card: ModelCard) -> list[str]:
    kinds = [kind for kind in _KINDS if kind in card["checked_on"]]
    head = ["file", "size", *([f"accuracy on {card['dataset']}"] if card["dataset"] else [])]
    head += [f"agreement on {_KINDS[kind]} images" for kind in kinds]
    rows = [[*head, "time per image", "suited to"], ["---"] * (len(head) + 2)]
    if card["dataset"]:
        accuracy = _percent(card["keras_accuracy"])
        rows.append(["*Keras student*", "", accuracy, *[""] * len(kinds), "", ""])
    for name, file in card["files"].items():
        row = [f"`{name}`", format_bytes(file["bytes"])]
        row += [_percent(file["accuracy"])] if card["dataset"] else []
        row += [_percent(file["agreement"][kind]) for kind in kinds]
        rows.append([*row, _time(file["milliseconds"]), _use(file)])
    compared = ", ".join(f"{card['checked_on'][kind]:,} {_KINDS[kind]}" for kind in kinds)
    batches = f" in batches of {card['batch_size']}" if card["batch_size"] > 1 else ""
    return [
        *(f"| {' | '.join(row)} |" for row in rows),
        "",
        "Agreement is the share of images for which a file predicts the same class as the Keras "
        f"student, measured on {compared} images. Time is the median for one image{batches} on "
        f"one thread of {card['versions']['processor']}, with the files measured alternately; "
        "on a phone it differs.",
        *_microcontrollers(card["files"]),
    ]


def _microcontrollers(files: dict[str, FileEntry]) -> list[str]:
    lines = []
    for name, file in files.items():
        entry = file.get("microcontrollers")  # absent in the cards of earlier versions
        if entry is None:
            continue
        if entry["unsupported"]:
            missing = ", ".join(entry["unsupported"])
            text = f"does not run in LiteRT for Microcontrollers, which lacks {missing}"
        else:
            operators = ", ".join(entry["operators"])
            text = f"has only operators of LiteRT for Microcontrollers: {operators}"
            if entry["arena_bytes"]:
                memory = format_bytes(entry["arena_bytes"])
                text += f". Its interpreter opened the file, with {memory} of memory for tensors"
        lines += ["", f"`{name}` {text}."]
    return lines


def _saved_model(entry: SavedModelEntry) -> list[str]:
    agreement = ", ".join(
        f"{_percent(entry['agreement'][kind])} of {_KINDS[kind]} images"
        for kind in _KINDS
        if kind in entry["agreement"]
    )
    accuracy = "" if entry["accuracy"] is None else f" Accuracy: {_percent(entry['accuracy'])}."
    return [
        f"`saved_model/`: {format_bytes(entry['bytes'])} ({entry['times_the_weights']:.2f} times "
        "the weights). It takes any number of images per call. It predicts the same class as the "
        f"Keras student for {agreement}.{accuracy}"
    ]


def _labels(labels: list[str]) -> list[str]:
    if labels == [str(index) for index in range(len(labels))]:
        return [f"The numbers from 0 to {len(labels) - 1}."]
    return [f"{index}. {label}" for index, label in enumerate(labels)]


def _use(file: FileEntry) -> str:
    if not file["float_operations"]:
        return file["use"]
    return (
        f"CPUs; NPUs do not support {', '.join(file['float_operations'])}, which this file "
        "computes in floating point"
    )


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.2f} %"


def _time(milliseconds: float | None) -> str:
    if milliseconds is None:
        return ""
    return f"{milliseconds:.3g} ms" if milliseconds >= 1 else f"{1000 * milliseconds:.3g} µs"
