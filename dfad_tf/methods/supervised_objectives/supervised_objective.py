"""What every term of a student's loss on real images is given, and what it returns."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras


class Comparison(NamedTuple):
    """One batch of real images, as teacher and student answer it.

    Attributes:
        labels: `(batch,)`, integers.
        teacher_logits: `(batch, classes)`, float32; None where no term asks the teacher.
        teacher_maps: `(batch, height, width, channels)` of each layer that is compared.
        student_logits: `(batch, classes)`, float32; None where no term asks for them.
        student_maps: As the teacher's, paired by their place.
    """

    labels: Any
    teacher_logits: Any = None
    teacher_maps: tuple[Any, ...] = ()
    student_logits: Any = None
    student_maps: tuple[Any, ...] = ()


class SupervisedObjective:
    """Base of the terms that a student minimises on real images.

    Args:
        weight: Factor of the term in the sum.
        name: Key of the term in the logs.

    Attributes:
        networks: Networks of the term's own, which are trained along with the student.
    """

    needs_teacher = True
    needs_logits = True
    needs_maps = False
    needs_student = True
    networks: tuple[keras.Model, ...] = ()

    def __init__(self, weight: float = 1.0, name: str = "supervised_objective") -> None:
        self.weight, self.name = weight, name

    def call(self, comparison: Comparison) -> Any:
        """Return the unweighted term for one batch, a scalar."""
        raise NotImplementedError(f"{type(self).__name__} does not implement `call`.")
