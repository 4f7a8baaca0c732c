"""What the parts of a run pass on to each other."""

from __future__ import annotations

from dataclasses import dataclass

import keras

from dfad_tf.callbacks import (
    BackupRecord,
)
from dfad_tf.teachers.description import TeacherDescription


@dataclass(frozen=True)
class Teacher:
    """A teacher and what is known of it.

    Attributes:
        model: The frozen classifier.
        description: Its input, classes, head, pixels and features.
        source: Where it comes from, in words.
        trained_here: Whether this project trained it.
    """

    model: keras.Model
    description: TeacherDescription
    source: str
    trained_here: bool


@dataclass
class Distillation:
    """What a distillation leaves, with data or without.

    Attributes:
        method: Its name.
        start: What the student started from.
        history: What `fit` logged, epoch by epoch.
        seconds: Of the distillation alone, over all processes that it took.
        seconds_to_first_step: Since the process began; None where it was not measured.
        images_generated: Images that a generator invented.
        real_images: Images of the data that the student learned from.
        generator: The generator, where there is one.
        stopped: Why it was stopped before its end; None where it was not.
        compute_dtype: Type of the student's products in training.
        record: What its backups recorded.
    """

    method: str
    start: str
    history: dict[str, list[float]]
    seconds: float
    compute_dtype: str
    record: BackupRecord
    seconds_to_first_step: float | None = None
    images_generated: int = 0
    real_images: int = 0
    generator: keras.Model | None = None
    stopped: str | None = None
