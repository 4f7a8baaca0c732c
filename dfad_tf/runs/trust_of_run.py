"""The trust report of a run, its picture and its place in `result.json`."""

from __future__ import annotations

import logging
import pathlib
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from dfad_tf.callbacks import Progress
from dfad_tf.runs.data_free_run import DataFreeRun
from dfad_tf.runs.records import DistillationResult, RunData, RunSettings, Teacher
from dfad_tf.runs.trust_plot import draw_trust
from dfad_tf.trust.probe_sets import probe_count
from dfad_tf.trust.report import trust_report
from dfad_tf.trust.stability import SecondStudent

PICTURE = "trust.png"
_IMAGES = 0x2ED  # the key of the second student's images
_LOG = logging.getLogger(__name__)


def examine(
    folder: pathlib.Path,
    student: keras.Model,
    done: DistillationResult,
    data: RunData,
    settings: RunSettings,
    second_run: Callable[[Teacher], DataFreeRun],
) -> dict[str, Any] | None:
    """Report how far a student that was distilled without data can be trusted.

    Args:
        folder: The run's folder, for the picture.
        student: The student.
        done: What the distillation returned.
        data: The teacher, and the user's own images, where there are any.
        settings: Whether the report, a second student and pictures are wanted.
        second_run: Builds the run of the second student.

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
            teacher.model,
            student,
            teacher.description.contract,
            generator,
            data.probe_pixels,
            _second_student(second_run(teacher)) if settings.second_epochs else None,
        )
    except (ValueError, MemoryError, tf.errors.OpError) as error:
        # The student is the result of hours, and needs no report.
        _LOG.warning("There is no trust report: %s", str(error).strip().splitlines()[0])
        return None
    if settings.plots:
        title = f"{student.name}, method '{done.method}', seed {settings.seed}"
        draw_trust(report, folder / PICTURE, title)
    return report.as_record()


def _second_student(run: DataFreeRun) -> SecondStudent:
    """Distill a second student, and let its generator draw images.

    There are no backups: whoever resumes a run that was interrupted here begins it again.
    """
    settings = run.settings
    epochs = "1 epoch" if settings.epochs == 1 else f"{settings.epochs} epochs"
    _LOG.info("Distilling a second student from another seed, for %s", epochs)
    run.distiller.fit(
        batch_size=settings.batch_size,
        epochs=settings.epochs,
        steps_per_epoch=settings.steps_per_epoch,
        held_out_images=0,
        callbacks=[Progress(settings.verbose)],
        verbose=0,
    )
    count = probe_count(run.student.input_shape[1:])
    images = run.distiller.example_images(count, tf.constant([settings.seed, _IMAGES]))
    return SecondStudent(run.student, keras.ops.convert_to_numpy(images))
