"""The base of the terms of a student's loss on labelled images, and their input."""

from __future__ import annotations

from typing import NamedTuple

import keras
import tensorflow as tf


class Comparison(NamedTuple):
    """Labels of a batch of images, and the answers of teacher and student.

    Attributes:
        labels: Integers of shape `(batch,)`.
        teacher_logits: `(batch, classes)`, float32; None if no term needs the teacher.
        teacher_maps: `(batch, height, width, channels)` of each compared layer.
        student_logits: `(batch, classes)`, float32; None if no term needs them.
        student_maps: Maps of the student's layers, in the order of `teacher_maps`.
    """

    labels: tf.Tensor
    teacher_logits: tf.Tensor | None = None
    teacher_maps: tuple[tf.Tensor, ...] = ()
    student_logits: tf.Tensor | None = None
    student_maps: tuple[tf.Tensor, ...] = ()


class SupervisedObjective:
    """The base of the terms that a student minimizes on labelled images.

    Args:
        weight: Weight of the term in the student's loss.
        name: Key of the term in the logs.

    Attributes:
        networks: Networks of the term, which are trained together with the student.
    """

    needs_teacher = True
    needs_logits = True
    needs_maps = False
    needs_student = True
    networks: tuple[keras.Model, ...] = ()

    def __init__(self, weight: float = 1.0, name: str = "supervised_objective") -> None:
        self.weight, self.name = weight, name

    def call(self, comparison: Comparison) -> tf.Tensor:
        """Return the unweighted term for one batch, a scalar.

        Args:
            comparison: Labels, and the answers of teacher and student.
        """
        raise NotImplementedError(f"{type(self).__name__} does not implement `call`.")
