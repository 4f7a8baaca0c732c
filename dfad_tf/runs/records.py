"""The records that the parts of a run pass on to each other."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np

from dfad_tf.callbacks import BackupRecord
from dfad_tf.data.datasets import ImageDataset
from dfad_tf.data.test_images import TestImages
from dfad_tf.teachers.description import TeacherDescription
from dfad_tf.teachers.settled_statistics import InitialShare


@dataclass(frozen=True)
class Teacher:
    """A teacher, and what is known about it.

    Attributes:
        model: The frozen classifier.
        description: Its input, classes, head, pixel contract and features.
        source: The file that it comes from, or how it was created.
        trained_here: Whether this project trained it.
        settled: What was removed from its moving statistics; None where nothing was.
        labels: Names of its classes; empty where none lie beside its file.
    """

    model: keras.Model
    description: TeacherDescription
    source: str
    trained_here: bool
    settled: InitialShare | None = None
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class RunData:
    """The teacher of a run, and the real images that measure its student.

    Attributes:
        teacher: The teacher.
        dataset: The data set; None where none was named.
        test: Its test images; None where no data set was named.
        probe_pixels: A few real images of the user's, raw pixels, uint8
            `(n, height, width, channels)`; None without any.
    """

    teacher: Teacher
    dataset: ImageDataset | None = None
    test: TestImages | None = None
    probe_pixels: np.ndarray | None = None


@dataclass(frozen=True)
class RunSettings:
    """How a run trains, measures and backs itself up.

    Attributes:
        epochs: Epochs of the distillation, or of the last stage with data.
        batch_size: Images in a batch, over all replicas.
        steps_per_epoch: Generator steps in an epoch; not used with data.
        seed: Seed of networks and noise.
        precision: Keras dtype policy of the training.
        jit_compile: Whether XLA compiles the train step.
        steps_per_execution: Train steps in one call of the compiled function.
        validation_freq: Epochs between two measurements on test images.
        backup_every: Train steps or time between two backups.
        on_collapse: `"restore"`, `"warn"` or `"stop"`.
        max_restores: Maximum number of restores.
        verbose: As in `keras.Model.fit`.
        plots: Whether plots and TensorBoard logs are written.
        patience: Epochs without a higher agreement on held-out images after which training ends;
            0 for never.
        trust: Whether the run ends with a trust report, and begins with a look at its images.
        on_distrust: `"warn"` or `"stop"`, for that look.
        second_epochs: Epochs of a second student, with which the report compares the student; 0
            for none.
        largest_batch_size: Images that a batch of small images would have, for the plan.
    """

    epochs: int
    batch_size: int
    steps_per_epoch: int
    seed: int
    precision: str
    jit_compile: bool = False
    steps_per_execution: int = 1
    validation_freq: int = 1
    backup_every: str = "1min"
    on_collapse: str = "restore"
    max_restores: int = 5
    verbose: str | int = "auto"
    plots: bool = True
    patience: int = 0
    trust: bool = True
    on_distrust: str = "warn"
    second_epochs: int = 0
    largest_batch_size: int = 0


@dataclass
class DistillationResult:
    """What a distillation returns, with data or without.

    Attributes:
        method: Name of the method.
        start: How the student was initialized.
        history: What `fit` logged, epoch by epoch.
        seconds: Seconds of the distillation alone, over all processes that it took.
        compute_dtype: Dtype of the student's products in training.
        record: What its backups recorded.
        seconds_to_first_step: Seconds since the process began; None where they were not measured.
        images_generated: Number of images that the generator drew.
        student_samples: Number of images that the student was trained on, repetitions included;
            None for a method with data.
        real_images: Number of real images that the student learned from.
        generator: The generator; None for a method with data.
        stopped: Why training was stopped early; None where it was not.
        distrusted: Whether that was because of the first images (`--on_distrust=stop`).
        epochs_left: Epochs that training ended early, because the student had stopped improving.
        missing_ties: Settings that would bring the generated images of a run that was stopped
            closer to the teacher's data.
    """

    method: str
    start: str
    history: dict[str, list[float]]
    seconds: float
    compute_dtype: str
    record: BackupRecord
    seconds_to_first_step: float | None = None
    images_generated: int = 0
    student_samples: int | None = None
    real_images: int = 0
    generator: keras.Model | None = None
    stopped: str | None = None
    distrusted: bool = False
    epochs_left: int = 0
    missing_ties: tuple[str, ...] = ()
