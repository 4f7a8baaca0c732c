"""How much a student depends on the seed of its distillation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import keras
import numpy as np

from dfad_tf.compute.prediction import predict_classes


@dataclass(frozen=True)
class SecondStudent:
    """A student that was distilled from the same teacher, independently.

    Attributes:
        student: The second student, whose outputs are logits.
        images: Images of the generator that trained it, `(n, height, width, channels)` in the
            teacher's input range. The student that is examined has not seen them.
    """

    student: keras.Model
    images: np.ndarray


@dataclass(frozen=True)
class Stability:
    """How often a student and a second one answer alike.

    Where two students that learned the same task from different images disagree, at least one of
    them is wrong.

    Attributes:
        same: Share of the images of each set for which both students predict the same class.
        second: Share of them for which the second student and the teacher do.
    """

    same: dict[str, float]
    second: dict[str, float]


def stability(
    teacher: keras.Model,
    student: keras.Model,
    other: keras.Model,
    sets: Mapping[str, np.ndarray],
) -> Stability:
    """Compare a student with a second one.

    Args:
        teacher: The teacher of both.
        student: The student.
        other: The second student.
        sets: Images `(n, height, width, channels)` in the teacher's input range, by name.

    Example:

    >>> sets = {"drawn": images}
    >>> stability(teacher, student, student, sets).same
    {'drawn': 1.0}
    """
    same, second = {}, {}
    for name, images in sets.items():
        wanted, own, others = (
            predict_classes(network, images) for network in (teacher, student, other)
        )
        same[name] = float((own == others).mean())
        second[name] = float((others == wanted).mean())
    return Stability(same, second)
