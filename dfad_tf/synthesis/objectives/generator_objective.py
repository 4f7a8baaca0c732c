"""What every term of the generator's objective is given, and what it returns."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras


class ForwardPass(NamedTuple):
    """One pass of generated images through the networks.

    Attributes:
        images: `(batch, height, width, channels)`, in the teacher's input range.
        teacher_logits: `(batch, classes)`, float32.
        teacher_features: `(batch, features)`, float32; None unless a term asks for them.
        student_logits: `(batch, classes)`, float32; None unless a term asks for them.
        batch_norm: Input, moving mean and moving variance of each batch normalization of
            the teacher; none unless a term asks for them.
    """

    images: Any
    teacher_logits: Any
    teacher_features: Any = None
    student_logits: Any = None
    batch_norm: tuple[tuple[Any, Any, Any], ...] = ()


class GeneratorObjective:
    """Base of the terms that the generator minimises.

    A subclass computes one scalar from a `ForwardPass`; the distiller adds the
    terms up by their weights and logs each unweighted under its name.

    Args:
        weight: Factor of the term in the sum.
        name: Key of the term in the logs.
    """

    needs_features = False
    needs_student = False
    needs_batch_norm = False

    def __init__(self, weight: float = 1.0, name: str = "generator_objective") -> None:
        self.weight = weight
        self.name = name

    def call(self, forward: ForwardPass) -> Any:
        """Return the term for one batch, a scalar that falls as the term is met."""
        raise NotImplementedError(f"{type(self).__name__} does not implement `call`.")

    def get_config(self) -> dict[str, Any]:
        return {"weight": self.weight, "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> GeneratorObjective:
        return cls(**keras.saving.deserialize_keras_object(config))
