"""A run with data: train a student by one of the published baselines."""

from __future__ import annotations

import logging
import pathlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from dfad_tf.callbacks import Backup, HistoryFile, Progress, StopSignals
from dfad_tf.compute.optimizers import make_optimizer, with_loss_scaling
from dfad_tf.compute.pipelines import in_batches
from dfad_tf.data.datasets import ImageDataset
from dfad_tf.data.labelled_batches import EpochOrder, labelled_batches
from dfad_tf.data.test_images import TestImages
from dfad_tf.distillation.compatibility import check_student
from dfad_tf.distillation.supervised_distiller import SupervisedDistiller
from dfad_tf.methods import data_methods
from dfad_tf.methods.data_methods import DataSettings, Stage
from dfad_tf.runs import estimates
from dfad_tf.runs.backups import run_backup
from dfad_tf.runs.plan import Plan
from dfad_tf.runs.records import DistillationResult, RunSettings, Teacher
from dfad_tf.utils.errors import InputError

_LOG = logging.getLogger(__name__)
_START = "random weights"


@dataclass(frozen=True)
class SupervisedSettings:
    """What a run with data needs beside `RunSettings`.

    Attributes:
        method: Name of the method.
        hyperparameters: Weights and layers of the method.
        data_share: Share of the labelled images that is used, in (0, 1].
        preparation_epochs: Epochs of the stages before the last one.
        optimizer: `"adam"` or `"sgd"`.
        learning_rate: Initial learning rate.
        weight_decay: Coupled weight decay, with `"sgd"`.
        augmentation: A name of `labelled_batches.AUGMENTATIONS`.
    """

    method: str
    hyperparameters: DataSettings
    data_share: float
    preparation_epochs: int
    optimizer: str
    learning_rate: float
    weight_decay: float
    augmentation: str


class SupervisedRun:
    """Train a student on labelled images, for as long as its teacher was trained.

    Args:
        dataset: The labelled images.
        teacher: The teacher.
        student: The student, which starts from random weights.
        supervision: The method, its data and its optimizer.
        settings: How the run trains.

    Raises:
        InputError: If the student does not fit, layers do not pair, or too few images remain.
    """

    def __init__(
        self,
        dataset: ImageDataset,
        teacher: Teacher,
        student: keras.Model,
        supervision: SupervisedSettings,
        settings: RunSettings,
    ) -> None:
        self.teacher, self.student, self.settings = teacher, student, settings
        self.supervision, self.name = supervision, supervision.method
        check_student(teacher.model, student)
        self.stages = data_methods.stages(
            self.name, teacher.model, student, supervision.hyperparameters
        )
        images, labels = dataset.load("train", teacher.description.image_shape)
        self.total = len(images)
        self.images, self.labels = _share(images, labels, supervision.data_share, settings.seed)

    def trained_networks(self) -> list[keras.Model]:
        """Return the networks whose initial weights all workers must share."""
        return [self.teacher.model, self.student]

    def plan(self) -> Plan:
        """Time the networks, and return the plan of the run."""
        networks = {"teacher": self.teacher.model, "student": self.student}
        per_image = {
            role: estimates.seconds_per_image(network, self.settings.precision)
            for role, network in networks.items()
            if isinstance(network, keras.Model) and network.inputs
        }
        seconds = {}
        if len(per_image) == len(networks):
            seconds["training"] = estimates.supervised_seconds(
                per_image, self.settings.epochs, self.total
            )
        stages = ", then ".join(stage.name for stage in self.stages)
        return Plan(
            title=f"train a student with the method '{self.name}', with data",
            teacher=self.teacher,
            networks=networks,
            start=_START,
            precision=self.settings.precision,
            work={
                "images": f"{len(self.images):,} labelled images of {self.total:,}, in "
                f"{self.settings.epochs} epochs",
                "stages": stages,
            },
            seconds=seconds,
        )

    def run(self, folder: pathlib.Path, test: TestImages | None) -> DistillationResult:
        """Train stage after stage.

        Args:
            folder: The run's folder.
            test: Test images, which only measure; the data set always has some.
        """
        if test is None:
            raise InputError("Expected test images for a method with data. Received: none")
        with StopSignals() as stop:
            return self._train(folder, test, stop)

    def _train(
        self, folder: pathlib.Path, test: TestImages, stop: StopSignals
    ) -> DistillationResult:
        settings, seconds, resumed, samples = self.settings, 0.0, 0, 0
        for stage in self.stages[:-1]:
            _LOG.info("Stage: %s", stage.name)
            backup = run_backup(folder, settings.backup_every, [], stop, stage.name)
            prepared, _ = self._fit(stage, self.supervision.preparation_epochs, backup)
            if prepared.form:  # the student takes part in the stage
                samples += self.supervision.preparation_epochs * self.total
            seconds += backup.record.seconds
            resumed = max(resumed, backup.record.resumed)
        last = self.stages[-1]
        columns = ["loss", *(term.name for term in last.objectives), "val_accuracy"]
        callbacks = [
            HistoryFile(str(folder / "history.csv"), columns, 0),
            keras.callbacks.TerminateOnNaN(),
            *([keras.callbacks.TensorBoard(str(folder / "tensorboard"))] if settings.plots else []),
        ]
        backup = run_backup(folder, settings.backup_every, callbacks, stop, last.name)
        distiller, history = self._fit(
            last,
            settings.epochs,
            backup,
            callbacks,
            validation_data=in_batches((test.inputs, test.labels), 1000),
            validation_freq=settings.validation_freq,
        )
        # Every stage that had begun is resumed each time.
        backup.record.resumed = max(resumed, backup.record.resumed)
        return DistillationResult(
            self.name,
            _START,
            history.history,
            seconds + backup.record.seconds,
            distiller.form.compute_dtype if distiller.form else "float32",
            backup.record,
            student_samples=samples + settings.epochs * self.total,
            real_images=len(self.images),
        )

    def _fit(
        self,
        stage: Stage,
        epochs: int,
        backup: Backup,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        **arguments: Any,
    ) -> tuple[SupervisedDistiller, keras.callbacks.History]:
        distiller = self._compiled(stage, epochs)
        history = distiller.fit(
            self._batches((backup.position() or (0, 0))[0]),
            epochs=epochs,
            shuffle=False,
            verbose=0,
            callbacks=[backup, *callbacks, Progress(self.settings.verbose)],
            **arguments,
        )
        return distiller, history

    def _compiled(self, stage: Stage, epochs: int) -> SupervisedDistiller:
        settings, supervision = self.settings, self.supervision
        with self.student.distribute_strategy.scope():
            distiller = SupervisedDistiller(
                self.teacher.model,
                self.student,
                stage.objectives,
                stage.teacher_layers,
                stage.student_layers,
                settings.precision,
            )
            steps = -(-self.total // settings.batch_size)
            schedule = keras.optimizers.schedules.CosineDecay(
                supervision.learning_rate, steps * epochs
            )
            optimizer = make_optimizer(supervision.optimizer, schedule, supervision.weight_decay)
            distiller.compile(
                with_loss_scaling(optimizer, settings.precision == "mixed_float16"),
                metrics=["accuracy"],
                jit_compile=settings.jit_compile,
                steps_per_execution=settings.steps_per_execution,
            )
        return distiller

    def _batches(self, first_epoch: int) -> Any:
        batches = labelled_batches(
            self.images,
            self.labels,
            self.settings.batch_size,
            self.supervision.augmentation,
            EpochOrder(self.settings.seed, self.total, first_epoch),
            drop_remainder=self.student.distribute_strategy.num_replicas_in_sync > 1,
        )
        contract = self.teacher.description.contract
        if contract.range == "pixels":
            return batches
        scale, offset = contract.scale.astype("float32"), contract.offset.astype("float32")
        return batches.map(
            lambda images, labels: (keras.ops.cast(images, "float32") * scale + offset, labels)
        )


def _share(
    images: np.ndarray, labels: np.ndarray, share: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Draw a share of the labelled images, the same share of each class."""
    if share == 1:
        return images, labels
    random = np.random.default_rng([seed, 0xDA7A])
    chosen = [
        random.permutation(places)[: max(1, round(share * len(places)))]
        for places in (np.flatnonzero(labels == label) for label in np.unique(labels))
    ]
    kept = np.sort(np.concatenate(chosen))
    if len(kept) < 2:
        raise InputError(
            f"Expected `data_share` to select at least 2 of {len(images)} images. Received: {share}"
        )
    return images[kept], labels[kept]
