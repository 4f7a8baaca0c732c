"""Build the run that the flags ask for."""

from __future__ import annotations

import logging
import pathlib
from collections.abc import Sequence

import keras
import tensorflow as tf
from absl import flags
from absl.testing import flagsaver

from dfad_tf import exporting
from dfad_tf.command_line import (
    arguments,
    flag_groups,
    method_builder,
    network_builder,
    training_flags,
)
from dfad_tf.command_line.argument_flags import argument_flags
from dfad_tf.command_line.pixel_flags import numbers
from dfad_tf.compute.optimizers import make_optimizer
from dfad_tf.compute.precision import resolve_precision
from dfad_tf.data.datasets import ImageDataset
from dfad_tf.runs import deployable_files, interrupted_run, workers
from dfad_tf.runs.data_free_run import DataFreeNetworks, DataFreeRun
from dfad_tf.runs.records import RunSettings, Teacher
from dfad_tf.runs.supervised_run import SupervisedRun, SupervisedSettings
from dfad_tf.teachers.model_files import is_model_file

_LOG = logging.getLogger(__name__)
FLAGS = flags.FLAGS
_LEAST_BATCH, _BATCH_STEP = 16, 8
_SECOND_SEED = 0x2ED  # what the seed of a second student differs by: not the next seed of a user
_SECOND_SHARE = 0.2  # of the epochs
# Flags that may differ between the command that started a run and the one that resumes it.
_FREE_FLAGS = (
    *("resume", "backup_every", "verbose", "data_dir", "teacher_cache"),
    *("strategy", "replicas", "yes", "plots", "trust", "on_distrust", "probe_images"),
)


def find_interrupted_run() -> pathlib.Path | None:
    """Return the folder of the interrupted run that this command resumes; None for a new run.

    `--precision` is set to the dtype policy that the run had.
    """
    free = [*_FREE_FLAGS, *(["precision"] if training_flags.policy_name() == "auto" else [])]
    folder = interrupted_run.find_interrupted(
        FLAGS.workdir, FLAGS.resume, flags_text(), free, arguments.RENAMED
    )
    if folder is not None:
        _LOG.info("Resuming the interrupted run in %s", folder)
        FLAGS["precision"].value = interrupted_run.recorded_flag(folder, "precision")
    return folder


def flags_text() -> str:
    """Return the flags of this run as a flag file."""
    found = flag_groups.defined_in(flag_groups.RUN)
    return arguments.flags_text(found, skip=["workdir", "resume", "yes"])


def fix_precision() -> str:
    """Choose the dtype policy, and set `--precision` to it: the flags then repeat the run."""
    precision = resolve_precision(training_flags.policy_name()) or "float32"
    FLAGS["precision"].value = precision
    return precision


def run_from_flags(
    strategy: tf.distribute.Strategy, dataset: ImageDataset | None, teacher: Teacher
) -> DataFreeRun | SupervisedRun:
    """Build the networks and the run; called in the strategy's scope.

    Args:
        strategy: The strategy.
        dataset: The data set of the flags.
        teacher: The teacher, trained.
    """
    student = network_builder.student_from_flags(teacher)
    if is_model_file(FLAGS.student):
        deployable_files.check_deployable(student, teacher, export_formats())
    run: DataFreeRun | SupervisedRun
    if dataset and method_builder.needs_data():
        run = SupervisedRun(
            dataset, teacher, student, supervised_settings_from_flags(), settings_from_flags()
        )
    else:
        run = data_free_run_from_flags(teacher, student)
    workers.share_weights(strategy, run.trained_networks())
    return run


def data_free_run_from_flags(teacher: Teacher, student: keras.Model) -> DataFreeRun:
    """Build a run without data.

    Args:
        teacher: The teacher, trained or not.
        student: The student, which is initialized here.
    """
    generator = network_builder.generator_from_flags(teacher)
    start = network_builder.initialize_student(student, teacher, generator)
    networks = DataFreeNetworks(teacher, student, generator, start, FLAGS.teacher_features)
    method = method_builder.method_from_flags()
    settings = settings_from_flags(teacher.description.image_shape)
    return DataFreeRun(networks, method, optimizers_from_flags(), settings)


def second_run_from_flags(teacher: Teacher) -> DataFreeRun:
    """Build a shorter run from another seed, whose student is compared with the first one's.

    Args:
        teacher: The teacher.
    """
    with flagsaver.flagsaver(seed=FLAGS.seed ^ _SECOND_SEED, epochs=second_epochs()):
        keras.utils.set_random_seed(FLAGS.seed)
        return data_free_run_from_flags(teacher, network_builder.student_from_flags(teacher))


def second_epochs() -> int:
    """Return the epochs of a second student; 0 where none was asked for."""
    return max(1, round(_SECOND_SHARE * FLAGS.epochs)) if FLAGS.trust == "thorough" else 0


def batch_size_for(image_shape: Sequence[int]) -> int:
    """Return the batch size of the flags for images of a shape.

    Args:
        image_shape: `(height, width, channels)`.
    """
    if not FLAGS.batch_pixels or FLAGS.images:
        return int(FLAGS.batch_size)
    count = FLAGS.batch_pixels // (image_shape[0] * image_shape[1])
    return min(FLAGS.batch_size, max(_LEAST_BATCH, count // _BATCH_STEP * _BATCH_STEP))


def settings_from_flags(image_shape: Sequence[int] | None = None) -> RunSettings:
    """Return how the run trains.

    Args:
        image_shape: `(height, width, channels)` of generated images; None with data.
    """
    with_data = method_builder.needs_data()
    batch_size = batch_size_for(image_shape) if image_shape else FLAGS.batch_size
    return RunSettings(
        epochs=FLAGS.teacher_epochs if with_data else FLAGS.epochs,
        batch_size=FLAGS.teacher_batch_size if with_data else batch_size,
        largest_batch_size=FLAGS.batch_size,
        steps_per_epoch=FLAGS.steps_per_epoch,
        seed=FLAGS.seed,
        precision=FLAGS.precision,
        jit_compile=FLAGS.jit_compile,
        steps_per_execution=FLAGS.steps_per_execution,
        validation_freq=FLAGS.validation_freq,
        backup_every=FLAGS.backup_every,
        on_collapse=FLAGS.on_collapse,
        max_restores=FLAGS.max_restores,
        verbose=verbosity(),
        plots=FLAGS.plots,
        patience=FLAGS.patience,
        trust=FLAGS.trust != "off",
        on_distrust=FLAGS.on_distrust,
        second_epochs=second_epochs(),
    )


def supervised_settings_from_flags() -> SupervisedSettings:
    """Return what a run with data needs beside its settings."""
    return SupervisedSettings(
        method=method_builder.method_name(),
        hyperparameters=method_builder.data_settings_from_flags(),
        data_share=FLAGS.data_share,
        preparation_epochs=FLAGS.preparation_epochs,
        optimizer=FLAGS.teacher_optimizer,
        learning_rate=FLAGS.teacher_learning_rate,
        weight_decay=FLAGS.teacher_weight_decay,
        augmentation=FLAGS.teacher_augmentation,
    )


def optimizers_from_flags() -> tuple[keras.optimizers.Optimizer, keras.optimizers.Optimizer]:
    """Return the student's and the generator's optimizer, each with its schedule."""
    steps = FLAGS.epochs * FLAGS.steps_per_epoch
    student = make_optimizer(
        FLAGS.optimizer,
        _schedule(FLAGS.learning_rate, steps * FLAGS.student_steps, FLAGS.student_steps),
        FLAGS.weight_decay,
        global_clipnorm=FLAGS.global_clipnorm or None,
    )
    generator_rate = FLAGS.generator_learning_rate
    generator = make_optimizer(
        "adam",
        # A generator that starts again late in the run must still be able to learn.
        generator_rate if FLAGS.generator_lifetime else _schedule(generator_rate, steps, 1, 0.0),
        beta_1=FLAGS.generator_beta_1,
        global_clipnorm=FLAGS.global_clipnorm or None,
    )
    return student, generator


def export_formats() -> list[str]:
    """Return the formats that `--export` names, in the order in which they are written.

    Raises:
        InputError: If a name is unknown.
    """
    with argument_flags(formats="export"):
        return exporting.check_formats(FLAGS.export)


def verbosity() -> str | int:
    """Return Keras's `verbose` from its flag."""
    return FLAGS.verbose if FLAGS.verbose == "auto" else int(FLAGS.verbose)


def _schedule(
    rate: float, steps: int, per_step: int, warmup_share: float = 0.15
) -> float | keras.optimizers.schedules.LearningRateSchedule:
    if FLAGS.schedule == "constant":
        return rate
    if FLAGS.schedule == "cosine":
        return keras.optimizers.schedules.CosineDecay(rate, steps)
    if FLAGS.schedule == "one_cycle":
        rising = round(warmup_share * steps)
        if not rising:
            return keras.optimizers.schedules.CosineDecay(rate, steps)
        return keras.optimizers.schedules.CosineDecay(
            0.0, steps - rising, warmup_target=rate, warmup_steps=rising
        )
    epochs = numbers("decay_epochs", int) or []
    boundaries = [epoch * FLAGS.steps_per_epoch * per_step for epoch in epochs]
    rates = [rate * 0.1**power for power in range(len(boundaries) + 1)]
    return keras.optimizers.schedules.PiecewiseConstantDecay(boundaries, rates)
