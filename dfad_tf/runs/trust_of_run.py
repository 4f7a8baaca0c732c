"""The trust report of a run, its picture and its place in `result.json`."""

from __future__ import annotations

import logging
import pathlib
from typing import Any

import keras
import tensorflow as tf

from dfad_tf.runs.records import DistillationResult, RunData, RunSettings
from dfad_tf.runs.trust_plot import draw_trust
from dfad_tf.trust.report import trust_report

PICTURE = "trust.png"
_LOG = logging.getLogger(__name__)


def examine(
    folder: pathlib.Path,
    student: keras.Model,
    done: DistillationResult,
    data: RunData,
    settings: RunSettings,
) -> dict[str, Any] | None:
    """Report how far a student that was distilled without data can be trusted.

    Args:
        folder: The run's folder, for the picture.
        student: The student.
        done: What the distillation returned.
        data: The teacher, and the user's own images, where there are any.
        settings: Whether the report and pictures are wanted.

    Returns:
        The entry `trust` of `result.json`; None after a distillation with data, which its test
        images measure, or where no report is wanted.
    """
    if done.generator is None or not settings.trust:
        return None
    _LOG.info("Examining how far the student can be trusted")
    teacher = data.teacher
    # Stored images are those that the student was trained on.
    generator = done.generator if done.generator.trainable_weights else None
    try:
        report = trust_report(
            teacher.model, student, teacher.description.contract, generator, data.probe_pixels
        )
    except (ValueError, MemoryError, tf.errors.OpError) as error:
        # The student is the result of hours, and needs no report.
        _LOG.warning("There is no trust report: %s", str(error).strip().splitlines()[0])
        return None
    if settings.plots:
        title = f"{student.name}, method '{done.method}', seed {settings.seed}"
        draw_trust(report, folder / PICTURE, title)
    return report.as_record()
