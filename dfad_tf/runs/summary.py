"""The summary that a run prints at its end."""

from __future__ import annotations

from typing import Any

from dfad_tf.trust.report_text import trust_lines
from dfad_tf.utils.formatting import format_macs, format_seconds

FILES = {
    "student.keras": "the student: a plain Keras model from the teacher's input to logits",
    "generator.keras": "the generator: latent vectors to images in the teacher's input range",
    "teacher.keras": "the teacher that was trained here",
    "curves.png": "losses, class coverage and accuracy against epochs",
    "trust.png": "the evidence of the trust report, on images that had no part in training",
    "samples.png": "generated images, each under the class that the teacher predicts",
    "history.csv": "the logs of fit, epoch by epoch, with the images and seconds spent",
    "tensorboard": "the same metrics and sample images, for `tensorboard --logdir`",
    "export": "the student as deployable files with a model card; start at card.md",
    "result.json": "this summary as data, with versions",
    "flags.flags": "the flags of the run: run it again with --flagfile=…/flags.flags",
}


def summary(result: dict[str, Any], folder: str, files: dict[str, str]) -> str:
    """Describe the outcome of a run.

    Args:
        result: The content of `result.json`.
        folder: The run's folder.
        files: What each file in the folder is.

    Returns:
        Lines of text.
    """
    measured = (
        f"on {result['test_images']:,} real test images of {result['dataset']}"
        if result["dataset"]
        else "no data set was named, so accuracy is not measured"
    )
    rows = [*_quality(result), *_cost(result), *_events(result)]
    lines = ["", f"Result ({measured})", *(f"  {name:<17} {value}" for name, value in rows)]
    lines += trust_lines(result.get("trust"))
    lines += ["", f"Saved in {folder}"]
    lines += [f"  {name:<20} {meaning}" for name, meaning in files.items()]
    return "\n".join(lines)


def _quality(result: dict[str, Any]) -> list[tuple[str, str]]:
    def percent(key: str, of: str = "") -> str:
        return "not measured" if result[key] is None else f"{100 * result[key]:.2f} %{of}"

    rows = [
        ("teacher accuracy", percent("teacher_accuracy")),
        ("student accuracy", percent("student_accuracy", "   (after the last epoch)")),
        ("agreement", percent("agreement", " of the test images")),
    ]
    if result["generated_agreement"] is not None:
        held_out = " of held-out generated images (val_agreement)"
        rows += [
            ("", percent("generated_agreement", " of newly generated images")),
            ("", percent("val_agreement", held_out)),
        ]
    return rows


def _cost(result: dict[str, Any]) -> list[tuple[str, str]]:
    parameters = result["teacher_parameters"], result["student_parameters"]
    macs = result["teacher_macs"], result["student_macs"]
    images = ("images generated", f"{result['images_generated']:,}   (real images used: none)")
    if result["real_images"]:
        images = ("real images used", f"{result['real_images']:,}, with their labels")
    samples = []
    if result.get("student_samples"):
        samples = [("student samples", f"{result['student_samples']:,}   (images are repeated)")]
    return [
        ("parameters", f"{parameters[0]:,} → {parameters[1]:,}   ({_ratio(*parameters)})"),
        (
            "multiply-adds",
            f"{format_macs(macs[0])} → {format_macs(macs[1])} per image   ({_ratio(*macs)})",
        ),
        images,
        *samples,
        (
            "time",
            f"{format_seconds(result['distillation_seconds'])} of distillation, "
            f"{format_seconds(result['total_seconds'])} in total",
        ),
    ]


def _events(result: dict[str, Any]) -> list[tuple[str, str]]:
    rows = []
    if result.get("epochs_left"):
        early = "because val_agreement had stopped rising (--patience)"
        rows.append(("ended early", f"{result['epochs_left']} epochs before the last, {early}"))
    if result["backups"]:
        share = 100 * result["backup_seconds"] / max(1e-9, result["distillation_seconds"])
        rows.append(("backups", f"{result['backups']}, which took {share:.1f} % of the time"))
    if result["resumed"]:
        rows.append(("resumed", f"{_times(result['resumed'])} after an interruption"))
    if result["restored"]:
        rows.append(("restored", f"{_times(len(result['restored']))} after a collapse"))
    return rows


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _ratio(teacher: int, student: int) -> str:
    if not teacher or not student:  # the weights of a frozen graph are constants
        return "not comparable"
    ratio = teacher / student
    return f"{ratio:.1f} times fewer" if ratio >= 1 else f"{1 / ratio:.1f} times more"
