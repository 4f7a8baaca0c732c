"""The base of the terms of the generator's objective, and their input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import tensorflow as tf


class ForwardPass(NamedTuple):
    """One pass of generated images through the networks.

    Attributes:
        images: `(batch, height, width, channels)`, in the teacher's input range.
        teacher_logits: `(batch, classes)`, float32.
        teacher_features: `(batch, features)`, float32; None unless a term needs them.
        student_logits: `(batch, classes)`, float32; None unless a term needs them.
        batch_norm: Input, moving mean and moving variance of each batch normalization of the
            teacher; empty unless a term needs them.
        labels: The classes that the images are synthesized for, `(batch,)`, int32; None unless a
            term needs them.
        view_features: As `teacher_features`, of a second crop of the same images; None unless a
            term needs them.
    """

    images: tf.Tensor
    teacher_logits: tf.Tensor
    teacher_features: tf.Tensor | None = None
    student_logits: tf.Tensor | None = None
    batch_norm: tuple[tuple[tf.Tensor, keras.Variable, keras.Variable], ...] = ()
    labels: tf.Tensor | None = None
    view_features: tf.Tensor | None = None


class GeneratorObjective:
    """The base of the terms that the generator minimizes.

    A subclass computes one scalar from a `ForwardPass`. The distiller minimizes the weighted sum
    of all terms, and logs each term without its weight.

    Args:
        weight: Weight of the term in the sum.
        name: Key of the term in the logs.
    """

    needs_features = False
    needs_student = False
    needs_batch_norm = False
    needs_labels = False
    needs_views = False
    student_in_inference = False

    def __init__(self, weight: float = 1.0, name: str = "generator_objective") -> None:
        self.weight = weight
        self.name = name

    def build(
        self,
        batch_norm: Sequence[tuple[keras.Variable, keras.Variable]] = (),
        feature_count: int = 0,
    ) -> None:
        """Create the state of the term; most terms have none.

        Args:
            batch_norm: Moving mean and moving variance of each batch normalization of the
                teacher; empty unless the term needs them.
            feature_count: Number of the teacher's features; 0 if it has none.
        """

    def end_batch(self) -> None:
        """Note that the following calls are for another batch; most terms ignore it."""

    @property
    def variables(self) -> list[tf.Variable]:
        """The state of the term, which a backup contains."""
        return []

    def call(self, forward: ForwardPass) -> tf.Tensor:
        """Return the unweighted term for one batch, a scalar.

        Args:
            forward: Images, and the answers of the networks.
        """
        raise NotImplementedError(f"{type(self).__name__} does not implement `call`.")

    def get_config(self) -> dict[str, Any]:
        return {"weight": self.weight, "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> GeneratorObjective:
        return cls(**keras.saving.deserialize_keras_object(config))
