"""What a run says of itself: the plan before, the summary after, and `result.json`."""

from __future__ import annotations

from typing import Any

import keras

from dfad_tf.graphs.multiply_adds import multiply_adds
from dfad_tf.graphs.parameters import trainable_parameters
from dfad_tf.utils.formatting import format_macs, format_seconds


def costs(prefix: str, model: keras.Model) -> dict[str, int]:
    """Return a network's parameters and multiply-adds as entries of `result.json`."""
    return {
        f"{prefix}_parameters": trainable_parameters(model),
        f"{prefix}_macs": multiply_adds(model),
    }


def summary(result: dict[str, Any], folder: str, files: dict[str, str]) -> str:
    """Write the outcome for a newcomer.

    Args:
        result: The content of `result.json`.
        folder: The run's folder.
        files: What each file in it is.

    Returns:
        A few lines.
    """

    def percent(key: str, of: str = "") -> str:
        return "not measured" if result[key] is None else f"{100 * result[key]:.2f} %{of}"

    measured = (
        f"on {result['test_images']:,} real test images of {result['dataset']}"
        if result["dataset"]
        else "no data set was named, so accuracy is not measured"
    )
    lines = ["", f"Result ({measured})"]
    rows = [
        ("teacher accuracy", percent("teacher_accuracy")),
        ("student accuracy", percent("student_accuracy", "   (after the last epoch)")),
        ("they agree on", percent("agreement", " of the test images")),
        *(
            []
            if result["generated_agreement"] is None
            else [
                ("", percent("generated_agreement", " of newly generated images")),
                ("", percent("val_agreement", " of held-out generated images (val_agreement)")),
            ]
        ),
        (
            "parameters",
            f"{result['teacher_parameters']:,} → {result['student_parameters']:,}   "
            f"({_fewer(result['teacher_parameters'], result['student_parameters'])})",
        ),
        (
            "multiply-adds",
            f"{format_macs(result['teacher_macs'])} → {format_macs(result['student_macs'])} "
            f"an image   ({_fewer(result['teacher_macs'], result['student_macs'])})",
        ),
        (
            ("images generated", f"{result['images_generated']:,}   (real images seen: none)")
            if not result["real_images"]
            else ("real images seen", f"{result['real_images']:,}, with their labels")
        ),
        (
            "time",
            f"{format_seconds(result['distillation_seconds'])} distilling, "
            f"{format_seconds(result['total_seconds'])} in all",
        ),
    ]
    if result["backups"]:
        share = 100 * result["backup_seconds"] / max(1e-9, result["distillation_seconds"])
        rows.append(("backups", f"{result['backups']}, in {share:.1f} % of the time"))
    if result["resumed"]:
        rows.append(("gone on", f"{result['resumed']} times, after it was cut"))
    if result["restored"]:
        rows.append(("gone back", f"{len(result['restored'])} times, after a collapse"))
    lines += [f"  {name:<17} {value}" for name, value in rows]
    lines += ["", f"Everything lies in {folder}"]
    lines += [f"  {name:<20} {meaning}" for name, meaning in files.items()]
    return "\n".join(lines)


def _fewer(theirs: int, ours: int) -> str:
    if not theirs or not ours:  # a frozen graph has constants for weights
        return "not to be compared"
    ratio = theirs / ours
    return f"{ratio:.1f} times fewer" if ratio >= 1 else f"{1 / ratio:.1f} times more"
