"""Checks of what a distiller is created and called with."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dfad_tf.methods.method import Method
from dfad_tf.teachers.teacher_signals import TeacherSignals
from dfad_tf.utils.errors import InputError

_ARRAYS = (np.ndarray, tf.Tensor, list)


def check_fit(teacher: keras.Model, student: keras.Model, generator: keras.Model) -> None:
    """Check that the shapes of teacher, student and generator match.

    Args:
        teacher: The teacher.
        student: The student.
        generator: The generator.

    Raises:
        InputError: If the shapes of inputs, classes or images differ, or if the student ends in
            a softmax.
    """
    check_student(teacher, student)
    if generator.output_shape[1:] != teacher.input_shape[1:]:
        raise InputError(
            "Expected `generator` to have an output of the shape of the teacher's input, "
            f"{teacher.input_shape[1:]}. Received: {generator.output_shape[1:]}"
        )


def check_student(teacher: keras.Model, student: keras.Model) -> None:
    """Check that a student has the input and the classes of its teacher, and returns logits.

    Args:
        teacher: The teacher.
        student: The student.

    Raises:
        InputError: If one of these conditions does not hold.
    """
    if student.input_shape[1:] != teacher.input_shape[1:]:
        raise InputError(
            "Expected `student` to have the teacher's input shape, "
            f"{teacher.input_shape[1:]}. Received: {student.input_shape[1:]}"
        )
    if TeacherSignals(student).softmax_removed:
        raise InputError(
            "Expected `student` to return logits: remove the softmax from its last layer. "
            "Received: a student that ends in a softmax"
        )
    if student.output_shape[1:] != teacher.output_shape[1:]:
        raise InputError(
            "Expected `student` to have the teacher's output shape, "
            f"{teacher.output_shape[1:]}. Received: {student.output_shape[1:]}"
        )


def check_features(method: Method, signals: TeacherSignals) -> None:
    """Check that a teacher has the features that a method reads.

    Args:
        method: The method.
        signals: The teacher's signals.

    Raises:
        InputError: If the features cannot be found.
    """
    if method.needs_features and not signals.has_features:
        raise InputError(
            "Expected a teacher whose penultimate features can be found for R_m: name their layer "
            "by `features`, or disable R_m by `representation_activation_weight=0`. Received: "
            f"{type(signals.teacher).__name__}"
        )


def check_no_data(x: Any, y: Any) -> None:
    """Check that a data-free distiller is called without training data.

    Args:
        x: Argument of `fit`.
        y: Argument of `fit`.

    Raises:
        InputError: If one of them is not None.
    """
    if x is not None or y is not None:
        raise InputError(
            "Expected no training data, since the generator synthesizes the images: call "
            "fit(epochs=..., steps_per_epoch=...) and pass labelled images as `validation_data`. "
            f"Received: {type(y if x is None else x).__name__}"
        )


def check_counts(**counts: int) -> None:
    """Check that arguments of `fit` are whole numbers of at least 1.

    Args:
        **counts: The arguments.

    Raises:
        InputError: If one of them is not.
    """
    for name, count in counts.items():
        if not isinstance(count, (int, np.integer)) or count < 1:
            raise InputError(
                f"Expected `{name}` to be a whole number of at least 1. Received: {name}={count!r}"
            )


def check_labelled(x: Any, y: Any, purpose: str, needs_labels: bool = True) -> None:
    """Check that images and labels, or a dataset, are passed.

    Args:
        x: Images, or a dataset.
        y: Labels; None with a dataset.
        purpose: What they are needed for, and which call passes them.
        needs_labels: Whether images without labels are an error.

    Raises:
        InputError: If images or labels are missing.
    """
    if x is None or (y is None and needs_labels and isinstance(x, _ARRAYS)):
        missing = "x" if x is None else "y"
        raise InputError(f"Expected labelled images to {purpose}. Received: {missing}=None")
