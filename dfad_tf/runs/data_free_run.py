"""The part of a run that distils: without data, on images that a generator invents."""

from __future__ import annotations

import pathlib
import statistics
from typing import Any

import keras
from absl import flags

from dfad_tf.callbacks import (
    CollapseWatch,
    HistoryFile,
    Progress,
    SampleImages,
    StopSignals,
)
from dfad_tf.command_line import builders, method_flags
from dfad_tf.compute import process
from dfad_tf.distillation import step_timing
from dfad_tf.distillation.distiller import DataFreeDistiller
from dfad_tf.runs import plan
from dfad_tf.runs.records import Distillation, Teacher

FLAGS = flags.FLAGS


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
        self.generator = builders.generator_from_flags(teacher)
        self.start = builders.initialize_student(student, teacher, self.generator)
        self.method = method_flags.method_from_flags()
        self.distiller = DataFreeDistiller(
            teacher.model, student, self.generator, FLAGS.teacher_features
        )
        optimizer, generator_optimizer = builders.optimizers_from_flags()
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
            watch = CollapseWatch(FLAGS.on_collapse, max_restores=FLAGS.max_restores)
            callbacks = [*self._callbacks(folder, test is not None), watch]
            backup = watch.backup = builders.backup_from_flags(folder, callbacks, stop)
            history = self.distiller.fit(
                batch_size=FLAGS.batch_size,
                epochs=FLAGS.epochs,
                steps_per_epoch=FLAGS.steps_per_epoch,
                validation_data=test and (test.inputs, test.labels),
                validation_freq=FLAGS.validation_freq,
                callbacks=[backup, *callbacks],
                verbose=0,
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
        later = step_timing.step_seconds(self.distiller, FLAGS.batch_size, 3)[1:]
        to_first_step = process.seconds_since_start() - (sum(later) * FLAGS.steps_per_execution)
        networks = {
            "teacher": self.teacher.model,
            "student": self.student,
            "generator": self.generator,
        }
        print(
            plan.plan(
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
            Progress(builders.verbosity()),
        ]
