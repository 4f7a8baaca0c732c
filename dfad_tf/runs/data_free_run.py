"""A run without data: distill a student from its teacher on generated images."""

from __future__ import annotations

import pathlib
import statistics
from dataclasses import dataclass

import keras
import tensorflow as tf

from dfad_tf.callbacks import CollapseWatch, HistoryFile, Progress, SampleImages, StopSignals
from dfad_tf.compute import process
from dfad_tf.data.test_images import TestImages
from dfad_tf.distillation import step_timing
from dfad_tf.distillation.distiller import DataFreeDistiller
from dfad_tf.distillation.generated_validation import held_out_count
from dfad_tf.distillation.image_moments import recorded_statistics
from dfad_tf.distillation.step_counts import step_cost
from dfad_tf.graphs.multiply_adds import multiply_adds
from dfad_tf.methods import Method
from dfad_tf.methods.description import describe_images, missing_ties
from dfad_tf.runs.backups import run_backup
from dfad_tf.runs.plan import START, Plan
from dfad_tf.runs.records import DistillationResult, RunSettings, Teacher
from dfad_tf.synthesis.generators.stored_images import stored_images_generator
from dfad_tf.trust.early_warning import EarlyWarning
from dfad_tf.trust.probe_sets import probe_passes

_TIMED_STEPS = 3
_TRUST_SHARE = 0.15  # of the start-up: what the trust report takes beside the networks, measured
_SECOND_START = 0.6  # of the start-up: what a second student takes to build and to compile
_STORED_IMAGES = 1024


@dataclass(frozen=True)
class DataFreeNetworks:
    """The networks of a run without data.

    Attributes:
        teacher: The teacher.
        student: The student, with its initial weights.
        generator: The generator.
        start: How the student was initialized.
        features: Layer of the teacher that R_m uses; None finds the penultimate one.
    """

    teacher: Teacher
    student: keras.Model
    generator: keras.Model
    start: str
    features: str | None = None


class DataFreeRun:
    """Distill a student by a method without data.

    Args:
        networks: Teacher, student and generator.
        method: The method.
        optimizers: The student's and the generator's optimizer.
        settings: How the run trains.

    Raises:
        InputError: If the networks or the method do not fit each other.
    """

    def __init__(
        self,
        networks: DataFreeNetworks,
        method: Method,
        optimizers: tuple[keras.optimizers.Optimizer, keras.optimizers.Optimizer],
        settings: RunSettings,
    ) -> None:
        self.networks, self.method, self.settings = networks, method, settings
        self.teacher, self.student = networks.teacher, networks.student
        self.name = method.name
        self.distiller = DataFreeDistiller(
            self.teacher.model,
            self.student,
            networks.generator,
            networks.features,
            self.teacher.description.contract,
        )
        optimizer, generator_optimizer = optimizers
        self.distiller.compile(
            optimizer,
            generator_optimizer,
            method,
            seed=settings.seed,
            precision=settings.precision,
            jit_compile=settings.jit_compile,
            steps_per_execution=settings.steps_per_execution,
        )
        self.seconds_to_first_step: float | None = None

    def trained_networks(self) -> list[keras.Model]:
        """Return the networks whose initial weights all workers must share."""
        return [self.teacher.model, self.student, self.networks.generator]

    def plan(self) -> Plan:
        """Time a few train steps, undo them, and return the plan of the run."""
        settings = self.settings
        seconds = step_timing.step_seconds(self.distiller, settings.batch_size, _TIMED_STEPS)
        later = seconds[1:]
        self.seconds_to_first_step = process.seconds_since_start() - (
            sum(later) * settings.steps_per_execution
        )
        steps = settings.epochs * settings.steps_per_epoch
        images = steps * self.method.images_per_step(settings.batch_size)
        estimate = steps * statistics.median(later[1:])
        parts = {"distillation": estimate + self._seconds_of_validation(estimate / steps)}
        pool = self.distiller.sampler.procedural
        if pool:
            parts["drawing images"] = pool.seconds_to_fill(self.distiller.signals)
        start = process.seconds_since_start()
        if settings.trust:
            probing = self._seconds_of_probes(estimate / steps)
            parts["trust report"] = _TRUST_SHARE * start + probing
        if settings.second_epochs:
            training = settings.second_epochs / settings.epochs * parts["distillation"]
            again = training + parts.get("drawing images", 0.0)
            parts["second student"] = _SECOND_START * start + again
        return Plan(
            title=f"distill with the method '{self.name}', without data",
            teacher=self.teacher,
            networks={
                "teacher": self.teacher.model,
                "student": self.student,
                "generator": self.networks.generator,
            },
            start=self.networks.start,
            precision=settings.precision,
            work={
                "images": f"{images:,} to generate, in {steps:,} steps",
                **_smaller_batch(settings),
                "student sees": describe_images(
                    self.method, self.distiller.watched.normalization_count
                ),
            },
            seconds={START: start, **parts},
            memory=process.peak_memory_bytes(),
        )

    def _seconds_of_validation(self, step_seconds: float) -> float:
        """Estimate what the held-out images of all epochs take, from what a train step takes."""
        forward = self._forward()
        count = held_out_count(self.student.input_shape[1:])
        passes = self.settings.epochs * forward["student"] + sum(forward.values())
        return step_seconds * count * passes / self._step_cost()

    def _forward(self) -> dict[str, int]:
        """Return the multiply-adds of an image, by role."""
        networks = {
            "teacher": self.teacher.model,
            "student": self.student,
            "generator": self.networks.generator,
        }
        return {role: multiply_adds(network) for role, network in networks.items()}

    def _step_cost(self) -> float:
        """Return the multiply-adds of a train step."""
        return max(1.0, step_cost(self.method, self._forward(), self.settings.batch_size))

    def _seconds_of_probes(self, step_seconds: float) -> float:
        """Estimate what the networks take in the trust report, from what a train step takes."""
        teacher, student = probe_passes(self.student.input_shape[1:])
        forward = self._forward()
        passes = teacher * forward["teacher"] + student * forward["student"]
        return step_seconds * passes / self._step_cost()

    def run(self, folder: pathlib.Path, test: TestImages | None) -> DistillationResult:
        """Distill.

        Args:
            folder: The run's folder.
            test: Test images, which only measure; None where no data set was named.
        """
        settings = self.settings
        with StopSignals() as stop:
            watch = CollapseWatch(settings.on_collapse, max_restores=settings.max_restores)
            early = EarlyWarning(settings.on_distrust)
            callbacks = [*self._callbacks(folder, test is not None), watch]
            callbacks += [early] if settings.trust else []
            backup = watch.backup = run_backup(folder, settings.backup_every, callbacks, stop)
            history = self.distiller.fit(
                batch_size=settings.batch_size,
                epochs=settings.epochs,
                steps_per_epoch=settings.steps_per_epoch,
                validation_data=test and (test.inputs, test.labels),
                validation_freq=settings.validation_freq,
                callbacks=[backup, *callbacks],
                verbose=0,  # `Progress` writes to standard output
            )
        each = self.method.images_per_step(settings.batch_size)
        epochs = len(history.history["loss"])  # fewer if training stopped early
        steps = epochs * settings.steps_per_epoch + backup.record.steps_undone
        stopped = backup.record.stopped or early.stopped
        return DistillationResult(
            self.name,
            self.networks.start,
            history.history,
            backup.record.seconds,
            self.distiller.student_form.compute_dtype,
            backup.record,
            self.seconds_to_first_step,
            steps * each,
            steps * self.method.student_steps * settings.batch_size,
            generator=self._lasting_generator(),
            stopped=stopped,
            distrusted=backup.record.stopped is None and early.stopped is not None,
            epochs_left=settings.epochs - epochs,
            missing_ties=self._missing_ties() if stopped else (),
        )

    def _missing_ties(self) -> tuple[str, ...]:
        _, recorded = recorded_statistics(self.distiller.signals)
        return tuple(missing_ties(self.method, bool(recorded)))

    def _lasting_generator(self) -> keras.Model:
        """Return the generator, or one of the stored images if it has no weights."""
        generator = self.networks.generator
        if generator.weights:
            return generator
        images = self.distiller.example_images(_STORED_IMAGES, tf.constant([1, 0]))
        return stored_images_generator(keras.ops.convert_to_numpy(images))

    def _callbacks(self, folder: pathlib.Path, measured: bool) -> list[keras.callbacks.Callback]:
        settings, logs = self.settings, folder / "tensorboard"
        every = max(1, settings.epochs // 10)
        terms = [term.name for term in self.method.generator_objectives]
        columns = ["loss", "generator_loss", *terms, "class_entropy", "image_spread"]
        columns += ["val_agreement", "val_divergence"]
        columns += ["val_accuracy", "val_test_agreement"] if measured else []
        images = settings.steps_per_epoch * self.method.images_per_step(settings.batch_size)
        contract = self.teacher.description.contract
        observers = [
            keras.callbacks.TensorBoard(str(logs)),
            SampleImages(str(logs / "samples"), contract, every),
        ]
        patience = []
        if settings.patience:
            patience = [
                keras.callbacks.EarlyStopping(
                    "val_agreement", mode="max", patience=settings.patience
                )
            ]
        return [
            *patience,
            HistoryFile(str(folder / "history.csv"), columns, images),
            keras.callbacks.TerminateOnNaN(),
            *(observers if settings.plots else []),
            Progress(settings.verbose),
        ]


def _smaller_batch(settings: RunSettings) -> dict[str, str]:
    """Return the row of the plan on a batch that is smaller than asked for."""
    if settings.batch_size >= settings.largest_batch_size:
        return {}
    asked = settings.largest_batch_size
    return {
        "batch": f"{settings.batch_size} images in the place of {asked}, because they are large "
        "(--batch_pixels)"
    }
