"""What a run says of itself: the plan before, the summary after, and `result.json`."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from dfad_tf.callbacks import format_seconds
from dfad_tf.multiply_adds import multiply_adds
from dfad_tf.teacher_loading import TeacherDescription


def trainable_parameters(model: keras.Model) -> int:
    """Count a network's parameters as the field does, without batch-norm statistics.

    Args:
        model: A network, frozen or not.

    Returns:
        The number of weights that training would set.
    """
    if hasattr(model, "parameter_count"):  # a SavedModel's weights have become constants
        return int(model.parameter_count)
    statistics = {
        id(variable)
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization)
        for variable in (layer.moving_mean, layer.moving_variance)
    }
    preprocessing = {
        id(variable)
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.Normalization)
        for variable in layer.variables
    }
    return sum(
        int(np.prod(variable.shape))
        for variable in model.variables
        if id(variable) not in statistics | preprocessing
        and not variable.path.endswith("seed_generator_state")
    )


def costs(prefix: str, model: keras.Model) -> dict[str, int]:
    """Return a network's parameters and multiply-adds as entries of `result.json`."""
    return {
        f"{prefix}_parameters": trainable_parameters(model),
        f"{prefix}_macs": multiply_adds(model),
    }


def plan(
    description: TeacherDescription,
    source: str,
    networks: dict[str, keras.Model],
    start: str,
    images: int,
    steps: int,
    seconds: float,
    method: str,
    precision: str,
) -> str:
    """Write what will happen, for somebody who may still want to stop it.

    Args:
        description: What was found out about the teacher.
        source: Where the teacher comes from.
        networks: Teacher, student and generator by role.
        start: What the student starts from.
        images: Images that will be generated.
        steps: Generator steps of the run.
        seconds: Time expected.
        method: Name of the method.
        precision: Dtype policy of the distillation.

    Returns:
        A few lines.
    """
    lines = [
        "",
        f"Plan: distil by '{method}', without data",
        *_networks(description, source, networks),
        f"  student from  {start}",
        f"  images        {images:,} to be generated, in {steps:,} steps",
        f"  computes in   {precision}",
        f"  time          about {format_seconds(seconds)} on this machine",
        "",
    ]
    return "\n".join(lines)


def plan_with_data(
    description: TeacherDescription,
    source: str,
    networks: dict[str, keras.Model],
    method: str,
    stages: list[str],
    images: tuple[int, int],
    epochs: int,
    precision: str,
) -> str:
    """Write what will happen where a student learns from data; the arguments as of `plan`.

    Args:
        description: What was found out about the teacher.
        source: Where the teacher comes from.
        networks: Teacher and student by role.
        method: Name of the method.
        stages: What is trained, one after the other.
        images: Labelled images that are used, and that there are.
        epochs: Epochs of the last stage.
        precision: Dtype policy of the training.
    """
    lines = [
        "",
        f"Plan: train a student by '{method}', with data",
        *_networks(description, source, networks),
        "  student from  random weights",
        f"  images        {images[0]:,} labelled ones of {images[1]:,}, in {epochs} epochs",
        f"  stages        {', then '.join(stages)}",
        f"  computes in   {precision}",
        "",
    ]
    return "\n".join(lines)


def _networks(
    description: TeacherDescription, source: str, networks: dict[str, keras.Model]
) -> list[str]:
    height, width, channels = description.image_shape
    contract = description.contract
    lines = [
        f"  teacher from  {source}",
        f"  its input     {height}×{width}×{channels}, {contract.range} ({contract.source})",
        f"  its output    {description.num_classes} classes, {description.head}; "
        f"features for R_m: {description.features or 'none found'}",
    ]
    for role, model in networks.items():
        lines.append(
            f"  {role:<13} {model.name}: {trainable_parameters(model):,} parameters, "
            f"{format_macs(multiply_adds(model))} multiply-adds an image"
        )
    return lines


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


def format_macs(count: int) -> str:
    """Format multiply-adds: `133.7 k`, `40.6 M`, `1.16 G`."""
    for unit, size in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if count >= size:
            return f"{count / size:.{2 if unit == 'G' else 1}f} {unit}"
    return str(count)
