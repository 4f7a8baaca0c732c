"""The methods, each a composition of losses: the next paper is a new row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import keras

from dfad_tf import losses, names
from dfad_tf.image_memory import remembered
from dfad_tf.interpolation import VirtualInterpolation
from dfad_tf.objectives import (
    AdversarialDiscrepancy,
    GeneratorObjective,
    InformationEntropy,
    LogitsActivation,
    RepresentationActivation,
)


@keras.saving.register_keras_serializable("dfad_tf")
@dataclass(frozen=True)
class Method:
    """What the student minimises, what the generator minimises, and how often each.

    Attributes:
        discrepancy: The student's loss, called as `(teacher_logits, student_logits)`.
        generator_objectives: Terms of the generator's objective.
        interpolation: Virtual interpolation for the student, or None.
        student_steps: Student descents before each generator step, at least 1.
        name: Name of the composition.
        memory_size: Past images of the generator's steps that are kept for the student,
            with the teacher's logits; 0 keeps none.
        memory_share: Share of the student's batch that comes from there, above 0; with 1
            no image is generated for the student.
    """

    discrepancy: keras.losses.Loss
    generator_objectives: tuple[GeneratorObjective, ...]
    interpolation: VirtualInterpolation | None = None
    student_steps: int = 5
    name: str = "custom"
    memory_size: int = 0
    memory_share: float = 1.0

    def __post_init__(self) -> None:
        if self.student_steps < 1:
            raise ValueError(
                "Expected `student_steps` to be at least 1. "
                f"Received: student_steps={self.student_steps}"
            )
        if self.memory_size < 0 or not 0 < self.memory_share <= 1:
            raise ValueError(
                "Expected `memory_size` to be at least 0, `memory_share` in (0, 1]. Received: "
                f"memory_size={self.memory_size}, memory_share={self.memory_share}"
            )
        if not self.generator_objectives:
            raise ValueError("Expected at least one generator objective. Received none.")

    @property
    def needs_features(self) -> bool:
        """Whether a term reads the teacher's features."""
        return any(term.needs_features for term in self.generator_objectives)

    def images_per_step(self, batch_size: int) -> int:
        """Images generated in one train step: the student's, and the generator's own."""
        each = batch_size
        if self.memory_size:
            each -= remembered(batch_size, self.memory_share)
        if self.interpolation and self.interpolation.partner == "fresh":
            each += self.interpolation.count(batch_size)
        return batch_size + self.student_steps * each

    def get_config(self) -> dict[str, Any]:
        serialize = keras.saving.serialize_keras_object
        return {
            "discrepancy": serialize(self.discrepancy),
            "generator_objectives": [serialize(term) for term in self.generator_objectives],
            "interpolation": serialize(self.interpolation) if self.interpolation else None,
            "student_steps": self.student_steps,
            "name": self.name,
            "memory_size": self.memory_size,
            "memory_share": self.memory_share,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Method:
        deserialize = keras.saving.deserialize_keras_object
        return cls(
            discrepancy=deserialize(config["discrepancy"]),
            generator_objectives=tuple(map(deserialize, config["generator_objectives"])),
            interpolation=deserialize(config["interpolation"]) if config["interpolation"] else None,
            student_steps=config["student_steps"],
            name=config["name"],
            memory_size=config.get("memory_size", 0),  # absent before 0.3.0
            memory_share=config.get("memory_share", 1.0),
        )


@dataclass(frozen=True)
class Settings:
    """Strengths that the rows below take; a row uses those of the parts it has.

    Attributes:
        discrepancy: Name or loss between logits, which the student descends.
        generator_discrepancy: What the generator ascends; None is the same.
        student_steps: Student descents before each generator step.
        logits_activation_weight: a_l of R_l (Eq. 2).
        representation_activation_weight: a_m of R_m (Eq. 3).
        representation_activation_norm: `"mean"` or `"sum"` over the features.
        information_entropy_weight: Class balance, which goes with R_l and R_m; 0, the
            paper's, leaves it out.
        interpolation: Virtual interpolation (Eq. 9) as configured.
        memory_size: Past images kept for the student, which any row may have.
        memory_share: Their share of the student's batch.
    """

    discrepancy: str | keras.losses.Loss = "mae"
    generator_discrepancy: str | keras.losses.Loss | None = None
    student_steps: int = 5
    logits_activation_weight: float = 0.05
    representation_activation_weight: float = 0.01
    representation_activation_norm: str = "mean"
    information_entropy_weight: float = 0.0
    interpolation: VirtualInterpolation = field(default_factory=VirtualInterpolation)
    memory_size: int = 0
    memory_share: float = 1.0


def _adversarial(settings: Settings) -> tuple[GeneratorObjective, ...]:
    return (AdversarialDiscrepancy(settings.generator_discrepancy or settings.discrepancy),)


def _activation(settings: Settings) -> tuple[GeneratorObjective, ...]:
    terms: tuple[GeneratorObjective, ...] = ()
    if settings.logits_activation_weight:
        terms += (LogitsActivation(settings.logits_activation_weight),)
    if settings.representation_activation_weight:
        terms += (
            RepresentationActivation(
                settings.representation_activation_weight, settings.representation_activation_norm
            ),
        )
    if settings.information_entropy_weight:
        terms += (InformationEntropy(settings.information_entropy_weight),)
    return terms


def _compose(name: str, activation: bool, interpolation: bool) -> Callable[[Settings], Method]:
    def build(settings: Settings) -> Method:
        return Method(
            discrepancy=losses.get(settings.discrepancy),
            generator_objectives=_adversarial(settings)
            + (_activation(settings) if activation else ()),
            interpolation=settings.interpolation if interpolation else None,
            student_steps=settings.student_steps,
            name=name,
            memory_size=settings.memory_size,
            memory_share=settings.memory_share,
        )

    return build


METHODS: dict[str, Callable[[Settings], Method]] = {
    "dfad": _compose("dfad", activation=False, interpolation=False),
    "dfad+activation": _compose("dfad+activation", activation=True, interpolation=False),
    "dfad+interpolation": _compose("dfad+interpolation", activation=False, interpolation=True),
    "proposed": _compose("proposed", activation=True, interpolation=True),
}


def get(method: str | Method, settings: Settings | None = None) -> Method:
    """Return a method by name, or the given composition unchanged.

    Args:
        method: A name of `METHODS`, or a `Method`.
        settings: Strengths of the parts of a named method.

    Returns:
        The composition.

    Raises:
        InputError: If the name is unknown.

    Example:

    >>> get("proposed", Settings(student_steps=10)).student_steps
    10

    Reference:
        arXiv 2102.11638 (`proposed` and the ablation); arXiv 1912.11006 (`dfad`).
    """
    if isinstance(method, Method):
        return method
    return names.look_up(METHODS, method, "method (--method)")(settings or Settings())
