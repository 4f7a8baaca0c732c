"""Whether teacher, student and generator fit each other."""

from __future__ import annotations

import keras

from dfad_tf.methods.method import Method
from dfad_tf.teachers.teacher_signals import TeacherSignals
from dfad_tf.utils.errors import InputError


def check_fit(teacher: keras.Model, student: keras.Model, generator: keras.Model) -> None:
    """Check that teacher, student and generator fit each other.

    Raises:
        InputError: If shapes of inputs, classes or images differ.
    """
    check_student(teacher, student)
    if generator.output_shape[1:] != teacher.input_shape[1:]:
        raise InputError(
            "Expected the generator to make the teacher's input, "
            f"{teacher.input_shape[1:]}. Received: {generator.output_shape[1:]}"
        )


def check_student(teacher: keras.Model, student: keras.Model) -> None:
    """Check that a student takes what its teacher takes, and gives its classes as logits.

    Raises:
        InputError: If it does not.
    """
    if student.input_shape[1:] != teacher.input_shape[1:]:
        raise InputError(
            "Expected the student to take the teacher's input, "
            f"{teacher.input_shape[1:]}. Received: {student.input_shape[1:]}"
        )
    if TeacherSignals(student).softmax_removed:
        raise InputError(
            "Expected a student that gives logits. Received one that ends in a softmax: "
            "leave its last activation out."
        )
    if student.output_shape[1:] != teacher.output_shape[1:]:
        raise InputError(
            "Expected the student to give the teacher's classes, "
            f"{teacher.output_shape[1:]}. Received: {student.output_shape[1:]}"
        )


def check_features(method: Method, signals: TeacherSignals) -> None:
    """Check that a teacher has the features that a method reads.

    Raises:
        InputError: If they cannot be found.
    """
    if method.needs_features and not signals.has_features:
        raise InputError(
            "Expected a teacher whose features can be found, for R_m. Received: "
            f"{type(signals.teacher).__name__}. Name a layer with --teacher_features "
            "(`features=`), or set --representation_activation_weight=0."
        )
