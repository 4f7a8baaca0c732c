"""The part of a run that distils: with data, as the field's baselines do."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from absl import flags

from dfad_tf.callbacks import Backup, HistoryFile, Progress, StopSignals
from dfad_tf.command_line import builders, method_flags
from dfad_tf.compute.optimizers import make_optimizer, with_loss_scaling
from dfad_tf.compute.pipelines import in_batches
from dfad_tf.data.datasets import ImageDataset
from dfad_tf.data.labelled_batches import labelled_batches
from dfad_tf.distillation.compatibility import check_student
from dfad_tf.distillation.supervised_distiller import SupervisedDistiller
from dfad_tf.methods import data_methods
from dfad_tf.methods.data_methods import Stage
from dfad_tf.runs import plan
from dfad_tf.runs.records import Distillation, Teacher
from dfad_tf.utils.errors import InputError

FLAGS = flags.FLAGS


class DistillationWithData:
    """Train a student on labelled images as the flags say: for as long as its teacher was.

    Args:
        dataset: The labelled images.
        teacher: The teacher.
        student: The student, which starts at random.
        precision: Keras dtype policy to compute in.

    Raises:
        InputError: If the student does not fit, layers do not pair, or too few images are left.
    """

    def __init__(
        self, dataset: ImageDataset, teacher: Teacher, student: keras.Model, precision: str
    ) -> None:
        self.teacher, self.student, self.precision = teacher, student, precision
        self.name = method_flags.method_name()
        check_student(teacher.model, student)
        self.stages = data_methods.stages(
            self.name, teacher.model, student, method_flags.data_settings_from_flags()
        )
        images, labels = dataset.load("train", teacher.description.image_shape)
        self.total = len(images)
        self.images, self.labels = _share(images, labels, FLAGS.data_share, FLAGS.seed)

    def run(self, folder: pathlib.Path, test: Any) -> Distillation:
        """Print the plan, and train stage after stage.

        Args:
            folder: The run's folder.
            test: Test images, which are only measured.
        """
        self._print_plan()
        with StopSignals() as stop:
            return self._train(folder, test, stop)

    def _train(self, folder: pathlib.Path, test: Any, stop: StopSignals) -> Distillation:
        seconds, resumed = 0.0, 0
        for stage in self.stages[:-1]:
            print(f"Stage: {stage.name}", flush=True)
            backup = builders.backup_from_flags(folder, [], stop, stage.name)
            self._fit(stage, FLAGS.preparation_epochs, backup)
            seconds += backup.record.seconds
            resumed = max(resumed, backup.record.resumed)
        last = self.stages[-1]
        columns = ["loss", *(term.name for term in last.objectives), "val_accuracy"]
        callbacks = [
            HistoryFile(str(folder / "history.csv"), columns, 0),
            keras.callbacks.TensorBoard(str(folder / "tensorboard")),
            keras.callbacks.TerminateOnNaN(),
        ]
        backup = builders.backup_from_flags(folder, callbacks, stop, last.name)
        distiller, history = self._fit(
            last,
            FLAGS.teacher_epochs,
            backup,
            callbacks=callbacks,
            validation_data=in_batches((test.inputs, test.labels), 1000),
            validation_freq=FLAGS.validation_freq,
        )
        # Each time, all stages that were begun have gone on.
        backup.record.resumed = max(resumed, backup.record.resumed)
        return Distillation(
            self.name,
            "random weights",
            history.history,
            seconds + backup.record.seconds,
            distiller.form.compute_dtype,
            backup.record,
            real_images=len(self.images),
        )

    def _fit(
        self,
        stage: Stage,
        epochs: int,
        backup: Backup,
        callbacks: Sequence[Any] = (),
        **arguments: Any,
    ) -> tuple[Any, Any]:
        strategy = self.student.distribute_strategy
        with strategy.scope():
            distiller = SupervisedDistiller(
                self.teacher.model,
                self.student,
                stage.objectives,
                stage.teacher_layers,
                stage.student_layers,
                self.precision,
            )
            steps = -(-self.total // FLAGS.teacher_batch_size)
            schedule = keras.optimizers.schedules.CosineDecay(
                FLAGS.teacher_learning_rate, steps * epochs
            )
            optimizer = make_optimizer(
                FLAGS.teacher_optimizer, schedule, FLAGS.teacher_weight_decay
            )
            distiller.compile(
                with_loss_scaling(optimizer, self.precision == "mixed_float16"),
                metrics=["accuracy"],
                jit_compile=FLAGS.jit_compile,
                steps_per_execution=FLAGS.steps_per_execution,
            )
        batches = labelled_batches(
            self.images,
            self.labels,
            FLAGS.teacher_batch_size,
            FLAGS.teacher_augmentation,
            FLAGS.seed,
            self.total,
            (backup.position() or (0, 0))[0],
            drop_remainder=strategy.num_replicas_in_sync > 1,
        )
        contract = self.teacher.description.contract
        if contract.range != "pixels":
            scale, offset = contract.scale.astype("float32"), contract.offset.astype("float32")
            batches = batches.map(
                lambda images, labels: (keras.ops.cast(images, "float32") * scale + offset, labels)
            )
        history = distiller.fit(
            batches,
            epochs=epochs,
            shuffle=False,
            verbose=0,
            callbacks=[backup, *callbacks, Progress(builders.verbosity())],
            **arguments,
        )
        return distiller, history

    def _print_plan(self) -> None:
        networks = {"teacher": self.teacher.model, "student": self.student}
        print(
            plan.plan_with_data(
                self.teacher.description,
                self.teacher.source,
                networks,
                self.name,
                [stage.name for stage in self.stages],
                (len(self.images), self.total),
                FLAGS.teacher_epochs,
                self.precision,
            ),
            flush=True,
        )


def _share(
    images: np.ndarray, labels: np.ndarray, share: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Draw a share of the labelled images, as many of each class as the whole has of it."""
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
            f"Expected --data_share to leave at least 2 images of {len(images)}. Received: {share}"
        )
    return images[kept], labels[kept]
