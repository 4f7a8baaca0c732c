"""The plan of a run, printed before the work starts."""

from __future__ import annotations

import keras

from dfad_tf.graphs.multiply_adds import multiply_adds
from dfad_tf.graphs.parameters import trainable_parameters
from dfad_tf.teachers.description import TeacherDescription
from dfad_tf.utils.formatting import format_macs, format_seconds


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
