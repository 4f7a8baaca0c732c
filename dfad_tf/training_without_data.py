"""The part of a run that distils: without data, on images that a generator invents."""

from __future__ import annotations

import pathlib
import statistics
from dataclasses import dataclass
from typing import Any

import keras
from absl import flags

from dfad_tf import from_flags, measurement, method_flags, process, report
from dfad_tf.callbacks import (
    BackupRecord,
    CollapseWatch,
    HistoryFile,
    SampleImages,
    StopSignals,
    TimeLeft,
)
from dfad_tf.distiller import DataFreeDistiller
from dfad_tf.from_flags import Teacher

FLAGS = flags.FLAGS


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


class DistillationWithoutData:
    """Distil as the flags say.

    Args:
        teacher: The teacher.
        student: The student; it may start from the teacher's filters.
        precision: Keras dtype policy to compute in.

    Raises:
        InputError: If the networks or the method do not fit.
    """

    def __init__(self, teacher: Teacher, student: keras.Model, precision: str) -> None:
        self.teacher, self.student, self.precision = teacher, student, precision
        self.generator = from_flags.generator_from_flags(teacher)
        self.start = from_flags.initialize_student(student, teacher, self.generator)
        self.method = method_flags.method_from_flags()
        self.distiller = DataFreeDistiller(
            teacher.model, student, self.generator, FLAGS.teacher_features
        )
        optimizer, generator_optimizer = from_flags.optimizers_from_flags()
        self.distiller.compile(
            optimizer,
            generator_optimizer,
            self.method,
            seed=FLAGS.seed,
            precision=precision,
            jit_compile=FLAGS.jit_compile,
            steps_per_execution=FLAGS.steps_per_execution,
        )
        self.name = self.method.name

    def run(self, folder: pathlib.Path, test: Any) -> Distillation:
        """Print the plan, and distil.

        Args:
            folder: The run's folder.
            test: Test images, which are only measured; None where no data set was named.
        """
        steps = FLAGS.epochs * FLAGS.steps_per_epoch
        images = steps * self.method.images_per_step(FLAGS.batch_size)
        seconds_to_first_step = self._print_plan(steps, images)
        with StopSignals() as stop:
            watch = CollapseWatch(FLAGS.on_collapse, most_restores=FLAGS.most_restores)
            callbacks = [*self._callbacks(folder, test is not None), watch]
            backup = watch.backup = from_flags.backup_from_flags(folder, callbacks, stop)
            history = self.distiller.fit(
                batch_size=FLAGS.batch_size,
                epochs=FLAGS.epochs,
                steps_per_epoch=FLAGS.steps_per_epoch,
                validation_data=test and (test.inputs, test.labels),
                validation_freq=FLAGS.validation_freq,
                callbacks=[backup, *callbacks],
                verbose=from_flags.verbosity(),
            )
        undone = backup.record.steps_undone * self.method.images_per_step(FLAGS.batch_size)
        return Distillation(
            self.name,
            self.start,
            history.history,
            backup.record.seconds,
            self.distiller.student_form.compute_dtype,
            backup.record,
            seconds_to_first_step,
            images + undone,
            generator=self.generator,
            stopped=backup.record.stopped,
        )

    def _print_plan(self, steps: int, images: int) -> float:
        later = measurement.step_seconds(self.distiller, FLAGS.batch_size, 3)[1:]
        to_first_step = process.seconds_since_start() - (sum(later) * FLAGS.steps_per_execution)
        networks = {
            "teacher": self.teacher.model,
            "student": self.student,
            "generator": self.generator,
        }
        print(
            report.plan(
                self.teacher.description,
                self.teacher.source,
                networks,
                self.start,
                images,
                steps,
                steps * statistics.median(later[1:]),
                self.name,
                self.precision,
            ),
            flush=True,
        )
        return to_first_step

    def _callbacks(self, folder: pathlib.Path, measured: bool) -> list[Any]:
        logs = folder / "tensorboard"
        every = max(1, FLAGS.epochs // 10)
        terms = [term.name for term in self.method.generator_objectives]
        columns = ["loss", "generator_loss", *terms, "class_entropy", "image_spread"]
        columns += ["val_agreement", "val_divergence"]
        columns += ["val_accuracy", "val_test_agreement"] if measured else []
        images = FLAGS.steps_per_epoch * self.method.images_per_step(FLAGS.batch_size)
        return [
            HistoryFile(str(folder / "history.csv"), columns, images),
            keras.callbacks.TensorBoard(str(logs)),
            keras.callbacks.TerminateOnNaN(),
            SampleImages(str(logs / "samples"), self.teacher.description.contract, every),
            TimeLeft(),
        ]
