"""The model card: what the files take and give, and what each costs."""

from __future__ import annotations

import pathlib
from typing import Any

_KINDS = {"test": "real test", "generated": "generated", "noise": "noise"}


def provenance_of(run: dict[str, Any]) -> dict[str, str]:
    """Say where a run's student comes from.

    Args:
        run: The content of its `result.json`; empty for a model from elsewhere.

    Returns:
        What `export_student` takes as `provenance`.
    """
    found = {}
    if "method" in run:
        count = run.get("real_images")
        data = f"with {count:,} labelled images" if count else "without data"
        found["distilled by"] = (
            f"the method '{run['method']}' of dfad_tf, {data}, seed {run.get('seed')}"
        )
    if run.get("teacher"):
        found["teacher"] = pathlib.PurePath(str(run["teacher"])).name  # nobody's folders
    if run.get("dataset"):
        found["data set"] = str(run["dataset"])
    return found


def card_text(card: dict[str, Any]) -> str:
    """Write a model card for people.

    Args:
        card: The content of `card.json`.

    Returns:
        Markdown.
    """
    lines = [f"# {card['student']}", ""]
    lines += [f"- {name}: {value}" for name, value in card["provenance"].items()]
    lines += [f"- parameters: {card['parameters']:,}", ""]
    lines += ["## Contract", "", *_contract(card), ""]
    if card["files"]:
        lines += ["## Files", "", *_files(card), ""]
    if card["calibration"]:
        lines += [f"Full int8 was calibrated with {card['calibration']}.", ""]
    if card["saved_model"]:
        lines += ["## SavedModel", "", *_saved_model(card), ""]
    lines += [f"`{name}` was left out. {reason}." for name, reason in card["left_out"].items()]
    lines += ["", "## Labels", ""] if card["left_out"] else ["## Labels", ""]
    if card["labels"] == [str(index) for index in range(len(card["labels"]))]:
        lines += [f"The numbers from 0 to {len(card['labels']) - 1}."]
    else:
        lines += [f"{index}. {label}" for index, label in enumerate(card["labels"])]
    lines += [""]
    made = ", ".join(f"{name} {value}" for name, value in card["versions"].items())
    lines += [f"*Written with {made}.*", ""]
    return "\n".join(lines)


def _contract(card: dict[str, Any]) -> list[str]:
    height, width, channels = card["input"]["shape"]
    kind = {1: "grey", 2: "grey and alpha", 3: "red, green, blue", 4: "red, green, blue, alpha"}
    lines = [
        f"- input `image`: uint8 `(batch, {height}, {width}, {channels})`, raw pixels from 0 to "
        f"255 ({kind[channels]}); the preprocessing is inside the file.",
        f"- outputs `logits` and `probabilities`: float32 `(batch, {len(card['labels'])})`."
        + (" `student_int8.tflite` rounds both to 256 steps." if _has_int8(card) else ""),
        "- signature `serving_default`.",
    ]
    if card["files"]:
        lines.append(
            f"- `.tflite` files: batch {card['batch_size']}, LiteRT's built-in operations only; "
            "labels as `labels.txt` in a zip archive at the file's end."
        )
    return lines


def _files(card: dict[str, Any]) -> list[str]:
    kinds = [kind for kind in _KINDS if kind in card["checked_on"]]
    head = ["file", "size", *([f"accuracy on {card['dataset']}"] if card["dataset"] else [])]
    head += [f"agrees on {_KINDS[kind]} images" for kind in kinds] + ["one image", "for"]
    rows = [head, ["---"] * len(head)]
    if card["dataset"]:
        accuracy = _percent(card["keras_accuracy"])
        rows.append(["*Keras student*", "", accuracy, *[""] * len(kinds), "", ""])
    for name, file in card["files"].items():
        row = [f"`{name}`", _size(file["bytes"])]
        row += [_percent(file["accuracy"])] if card["dataset"] else []
        row += [_percent(file["agreement"][kind]) for kind in kinds]
        rows.append([*row, _time(file["milliseconds"]), _use(file)])
    checked = ", ".join(f"{card['checked_on'][kind]:,} {_KINDS[kind]}" for kind in kinds)
    batches = f" in batches of {card['batch_size']}" if card["batch_size"] > 1 else ""
    return [
        *(f"| {' | '.join(row)} |" for row in rows),
        "",
        f"Agreement: same class as the Keras student, on {checked} images. Time: one image"
        f"{batches}, one thread of {card['versions']['processor']}, the files in turn, median; a "
        "phone's differs.",
    ]


def _saved_model(card: dict[str, Any]) -> list[str]:
    saved = card["saved_model"]
    agrees = ", ".join(
        f"{_percent(saved['agreement'][kind])} of {_KINDS[kind]} images"
        for kind in _KINDS
        if kind in saved["agreement"]
    )
    accuracy = f", accuracy {_percent(saved['accuracy'])}" if card["dataset"] else ""
    return [
        f"`saved_model/`: {_size(saved['bytes'])} ({saved['times_the_weights']:.2f} times the "
        f"weights), any number of images at a time; agrees on {agrees}{accuracy}."
    ]


def _has_int8(card: dict[str, Any]) -> bool:
    return any(file["precision"] == "int8" for file in card["files"].values())


def _use(file: dict[str, Any]) -> str:
    if not file["float_operations"]:
        return str(file["use"])
    return f"CPUs; NPUs refuse its {', '.join(file['float_operations'])}, in floating point"


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def _time(milliseconds: float) -> str:
    return f"{milliseconds:.3g} ms" if milliseconds >= 1 else f"{1000 * milliseconds:.3g} µs"


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.1f} kB"
