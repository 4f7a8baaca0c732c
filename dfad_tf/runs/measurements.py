"""What a run measures of its student, and the record that it writes: `result.json`."""

from __future__ import annotations

import dataclasses
import math
import pathlib
from typing import Any

import keras
import numpy as np

from dfad_tf.compute import process
from dfad_tf.compute.prediction import predict_classes
from dfad_tf.graphs.multiply_adds import multiply_adds
from dfad_tf.graphs.parameters import trainable_parameters
from dfad_tf.runs import interrupted_run
from dfad_tf.runs.records import DistillationResult, RunData, RunSettings
from dfad_tf.synthesis.generated_images import generated_images
from dfad_tf.utils.errors import InputError
from dfad_tf.utils.image_counts import affordable_count
from dfad_tf.utils.versions import versions

# Newly generated images that measure a student: most, their pixels, and least.
_MOST_IMAGES, _MOST_PIXELS, _LEAST_IMAGES = 2000, 2**23, 256


def check_healthy(done: DistillationResult, folder: pathlib.Path) -> None:
    """Check that the distillation ended with a finite loss, and was not stopped.

    Args:
        done: What the distillation returned.
        folder: The run's folder.

    Raises:
        InputError: If it did not; the run is then marked as finished, since resuming it would
            end in the same way.
    """
    losses = done.history["loss"]
    if done.stopped is None and math.isfinite(losses[-1]):
        return
    interrupted_run.finish(folder)
    reason = done.stopped or f"The student's loss became {losses[-1]} in epoch {len(losses)}."
    rates = "`learning_rate` or `generator_learning_rate`"
    if done.generator is None:  # a method with data trains as the teacher was trained
        rates = "`teacher_learning_rate`"
    advice = f"Use a smaller {rates}"
    if done.missing_ties:
        advice += ", or bring the generated images closer to the teacher's data with " + ", ".join(
            done.missing_ties
        )
    advice = "`on_distrust` is stop." if done.distrusted else f"{advice}."
    raise InputError(f"{reason} {advice} The saved files are in {folder}.")


def measure(student: keras.Model, generator: keras.Model | None, data: RunData) -> dict[str, Any]:
    """Measure both networks on real images, where there are any, and their agreement.

    Args:
        student: The student.
        generator: The generator; None for a method with data.
        data: The teacher, and the test images.
    """
    kinds = ("teacher_accuracy", "student_accuracy", "agreement", "generated_agreement")
    measured: dict[str, Any] = dict.fromkeys(kinds)

    def classes(images: np.ndarray) -> list[np.ndarray]:
        return [predict_classes(network, images) for network in (data.teacher.model, student)]

    if data.test:
        teacher_classes, student_classes = classes(data.test.inputs)
        measured["teacher_accuracy"] = float((teacher_classes == data.test.labels).mean())
        measured["student_accuracy"] = float((student_classes == data.test.labels).mean())
        measured["agreement"] = float((teacher_classes == student_classes).mean())
    if generator is not None:
        shape = generator.output_shape[1:]
        count = affordable_count(_MOST_IMAGES, shape, _MOST_PIXELS, _LEAST_IMAGES)
        teacher_classes, student_classes = classes(generated_images(generator, count))
        measured["generated_agreement"] = float((teacher_classes == student_classes).mean())
    return {**measured, "test_images": len(data.test.labels) if data.test else 0}


def costs(prefix: str, model: keras.Model) -> dict[str, int]:
    """Return a network's parameters and multiply-adds as entries of `result.json`."""
    return {
        f"{prefix}_parameters": trainable_parameters(model),
        f"{prefix}_macs": multiply_adds(model),
    }


def record(
    student: keras.Model,
    done: DistillationResult,
    data: RunData,
    settings: RunSettings,
    measured: dict[str, Any],
) -> dict[str, Any]:
    """Return the content of `result.json`, except the exports and the total time.

    Args:
        student: The student.
        done: What the distillation returned.
        data: The teacher, and the data set.
        settings: How the run trained.
        measured: What `measure` returned.
    """
    history, teacher, dataset = done.history, data.teacher, data.dataset
    return {
        "dataset": dataset.name if dataset else None,
        "method": done.method,
        "seed": settings.seed,
        "teacher": teacher.source,
        "teacher_settled_steps": teacher.settled.steps if teacher.settled else None,
        "student": student.name,
        "student_start": done.start,
        "generator": done.generator.name if done.generator else None,
        **measured,
        "images_generated": done.images_generated,
        "student_samples": done.student_samples,
        "real_images": done.real_images,
        "precision": settings.precision,
        "compute_dtype": done.compute_dtype,
        "seconds_to_first_step": done.seconds_to_first_step,
        "distillation_seconds": done.seconds,
        "backups": done.record.count,
        "backup_seconds": done.record.seconds_of_backups,
        "resumed": done.record.resumed,
        "restored": done.record.events,
        "epochs_left": done.epochs_left,
        "val_agreement": history.get("val_agreement", [None])[-1],
        "val_divergence": history.get("val_divergence", [None])[-1],
        "peak_memory_bytes": process.peak_memory_bytes(),
        **costs("teacher", teacher.model),
        **costs("student", student),
        **({"generator_macs": multiply_adds(done.generator)} if done.generator else {}),
        "pixels": dataclasses.asdict(teacher.description.contract),
        "labels": list(dataset.label_names) if dataset else list(teacher.labels) or None,
        "versions": versions(),
    }
