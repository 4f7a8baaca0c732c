"""Find mistakes among the flags before any work starts."""

from __future__ import annotations

import math

from absl import flags

from dfad_tf import models
from dfad_tf.callbacks import parse_interval
from dfad_tf.command_line import (
    method_builder,
    network_builder,
    run_builder,
    teacher_builder,
    training_flags,
)
from dfad_tf.command_line.argument_flags import argument_flags
from dfad_tf.command_line.pixel_flags import check_pixel_flags, image_shape
from dfad_tf.compute import replicas as replica_shares
from dfad_tf.compute.optimizers import make_optimizer
from dfad_tf.data.image_files import image_files
from dfad_tf.distillation.compatibility import check_fit, check_student
from dfad_tf.distillation.watched_layers import WatchedLayers
from dfad_tf.methods import data_methods
from dfad_tf.runs.records import Teacher
from dfad_tf.synthesis import generators
from dfad_tf.teachers.model_files import is_model_file
from dfad_tf.teachers.teacher_signals import TeacherSignals
from dfad_tf.utils.errors import InputError

FLAGS = flags.FLAGS
CHOSEN = ("compact", "half", "auto")  # students that depend on the teacher


def check_names() -> None:
    """Check names, shapes and lists among the flags, before a teacher is trained for hours.

    Raises:
        InputError: If the name of a network or a method, or a list, is wrong.
    """
    _check_finite()
    parse_interval(FLAGS.backup_every)
    run_builder.export_formats()
    training_flags.check_policy()
    method_builder.check()
    set_steps_by_images()
    if not method_builder.needs_data() and FLAGS.steps_per_epoch % FLAGS.steps_per_execution:
        by = f" (as --images={FLAGS.images} sets it)" if FLAGS.images else ""
        raise InputError(
            f"Expected --steps_per_execution to divide --steps_per_epoch={FLAGS.steps_per_epoch}"
            f"{by}. Received: {FLAGS.steps_per_execution}"
        )
    run_builder.optimizers_from_flags()
    with argument_flags(weight_decay="teacher_weight_decay", optimizer="teacher_optimizer"):
        make_optimizer(FLAGS.teacher_optimizer, 0.0, FLAGS.teacher_weight_decay)
    if not is_model_file(FLAGS.student) and FLAGS.student not in CHOSEN:
        models.check_name(FLAGS.student, "student")
    models.check_name(FLAGS.teacher_model, "teacher_model")
    with argument_flags("generator"):
        generators.check_name(FLAGS.generator)
    image_shape()
    check_pixel_flags()
    _check_trust()
    if FLAGS.probe_images is not None:
        with argument_flags(path="probe_images"):
            image_files(FLAGS.probe_images)


def _check_trust() -> None:
    """Reject flags of a trust report that there will not be."""
    for name in ("on_distrust", "probe_images"):
        without = "--trust=off" if FLAGS.trust == "off" else None
        if method_builder.needs_data():
            without = f"--method={FLAGS.method}, which trains with data"
        if without and FLAGS[name].value not in (None, "warn"):
            raise InputError(f"Expected no --{name} with {without}. Received: {FLAGS[name].value}")
    if FLAGS.trust == "thorough" and method_builder.needs_data():
        raise InputError(
            "Expected --trust=thorough with a method without data. "
            f"Received: --method={FLAGS.method}"
        )


def check_shares(replicas: int) -> None:
    """Check that replicas can share a batch evenly.

    Args:
        replicas: Number of replicas.

    Raises:
        InputError: If they cannot.
    """
    if method_builder.needs_data():
        if FLAGS.teacher_batch_size % replicas:
            raise InputError(
                f"Expected --teacher_batch_size to be a multiple of {replicas}, for {replicas} "
                f"replicas. Received: {FLAGS.teacher_batch_size}"
            )
        return
    method = method_builder.method_from_flags()
    parts = method.shared_counts(FLAGS.batch_size)
    with argument_flags(share="interpolation_share"):
        replica_shares.check_shares(FLAGS.batch_size, parts, replicas)


def set_steps_by_images() -> None:
    """Set epochs and steps by `--images`.

    Methods can then be compared at the same number of images.
    """
    if FLAGS.images is None or method_builder.needs_data():
        return
    each = method_builder.method_from_flags().images_per_step(FLAGS.batch_size)
    steps = max(1, round(FLAGS.images / each))
    epochs = max(1, round(steps / FLAGS.steps_per_epoch))
    FLAGS.epochs, FLAGS.steps_per_epoch = epochs, max(1, round(steps / epochs))


def _check_finite() -> None:
    """Reject NaN and infinity, which absl's bounds accept."""
    for name in FLAGS:
        value = FLAGS[name].value
        if isinstance(value, float) and not math.isfinite(value):
            raise InputError(f"Expected --{name} to be a finite number. Received: {value}")


def check_method_fits() -> None:
    """Check that networks and method fit each other, with a teacher that need not be trained.

    Raises:
        InputError: If image sizes or classes differ, or layers are missing or do not pair.
    """
    check_networks(teacher_builder.untrained_teacher_from_flags())


def check_networks(teacher: Teacher) -> None:
    """Check that networks and method fit each other, before hours of work.

    Args:
        teacher: The teacher, trained or not.

    Raises:
        InputError: As for `check_method_fits`.
    """
    student = network_builder.student_from_flags(teacher)
    if method_builder.needs_data():
        check_student(teacher.model, student)
        settings = method_builder.data_settings_from_flags()
        data_methods.stages(method_builder.method_name(), teacher.model, student, settings)
        return
    check_fit(teacher.model, student, network_builder.generator_from_flags(teacher))
    signals = TeacherSignals(teacher.model, FLAGS.teacher_features)
    WatchedLayers(method_builder.method_from_flags(), signals, student)
