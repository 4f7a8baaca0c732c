"""The methods, each a composition of losses: the next paper is a new row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import keras

from dfad_tf import losses, method_names, names
from dfad_tf.errors import InputError
from dfad_tf.image_memory import remembered
from dfad_tf.interpolation import VirtualInterpolation
from dfad_tf.losses import AttentionTransfer
from dfad_tf.objectives import (
    AdversarialDiscrepancy,
    BatchNormStatistics,
    GeneratorObjective,
    InformationEntropy,
    LogitsActivation,
    RepresentationActivation,
)

IMAGES = ("fresh", "same_latents", "same_images")
_MEMORY, _MEMORY_SIZE = method_names.MEMORY, 4096


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
        images: What else the student learns from: `"fresh"` images of its own,
            `"same_images"` as the generator's step, which makes both one joint step, or
            images of the `"same_latents"`, drawn after that step.
        attention: Attention transfer beside the discrepancy, or None.
    """

    discrepancy: keras.losses.Loss
    generator_objectives: tuple[GeneratorObjective, ...]
    interpolation: VirtualInterpolation | None = None
    student_steps: int = 5
    name: str = "custom"
    memory_size: int = 0
    memory_share: float = 1.0
    images: str = "fresh"
    attention: AttentionTransfer | None = None

    def __post_init__(self) -> None:
        if self.images not in IMAGES:
            raise ValueError(
                f"Expected `images` to be one of {', '.join(IMAGES)}. Received: "
                f"images={self.images!r}"
            )
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
        if self.attention and self.interpolation and self.interpolation.mode == "replace":
            raise ValueError(
                "Expected virtual images beside the plain ones, whose maps `attention` compares. "
                f"Received: interpolation.mode={self.interpolation.mode!r}"
            )
        if not self.generator_objectives:
            raise ValueError("Expected at least one generator objective. Received none.")

    @property
    def needs_features(self) -> bool:
        """Whether a term reads the teacher's features."""
        return any(term.needs_features for term in self.generator_objectives)

    def images_per_step(self, batch_size: int) -> int:
        """Images generated in one train step: the student's, and the generator's own."""
        wanted, partners = batch_size, 0
        if self.memory_size:
            wanted -= remembered(batch_size, self.memory_share)
        if self.interpolation and self.interpolation.partner == "fresh":
            partners = self.student_steps * self.interpolation.count(batch_size)
        own = {
            "fresh": self.student_steps * wanted,
            "same_latents": batch_size if wanted else 0,
            "same_images": 0,
        }
        return batch_size + own[self.images] + partners

    def parts(self, batch_size: int) -> dict[str, int]:
        """Parts of a batch that replicas must share evenly, by what sets their size."""
        parts = {}
        if self.memory_size:
            remembering = remembered(batch_size, self.memory_share)
            parts["the memory's part of the batch (--memory_share)"] = remembering
        if self.interpolation:
            blended = self.interpolation.count(batch_size)
            parts["the blended part of the batch (--interpolation_share)"] = blended
        return parts

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
            "images": self.images,
            "attention": serialize(self.attention) if self.attention else None,
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
            images=config.get("images", "fresh"),  # absent before 0.4.0
            attention=deserialize(config["attention"]) if config.get("attention") else None,
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
        batch_norm_weight: Of the distance to the teacher's batch-norm statistics.
        attention: Attention transfer in the student's loss.
        interpolation: Virtual interpolation (Eq. 9) as configured.
        memory_size: Past images kept for the student, which any row may have; 0 keeps none,
            or 4,096 where the method's name ends in `+memory`.
        memory_share: Their share of the student's batch.
    """

    discrepancy: str | keras.losses.Loss = "mae"
    generator_discrepancy: str | keras.losses.Loss | None = None
    student_steps: int = 5
    logits_activation_weight: float = 0.05
    representation_activation_weight: float = 0.01
    representation_activation_norm: str = "mean"
    information_entropy_weight: float = 0.0
    batch_norm_weight: float = 1.0
    attention: AttentionTransfer = field(default_factory=lambda: AttentionTransfer(squared=True))
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


def _statistics(settings: Settings) -> tuple[GeneratorObjective, ...]:
    return (BatchNormStatistics(settings.batch_norm_weight),) if settings.batch_norm_weight else ()


@dataclass(frozen=True)
class _Row:
    """Which parts a named method has, and the strengths that its authors gave them."""

    terms: tuple[Callable[[Settings], tuple[GeneratorObjective, ...]], ...]
    interpolation: bool = False
    images: str = "fresh"
    attention: bool = False
    defaults: Settings = field(default_factory=Settings)

    def build(self, name: str, settings: Settings | None) -> Method:
        settings = settings or self.defaults
        name, asked = name.removesuffix(_MEMORY), name.endswith(_MEMORY)
        memory_size = settings.memory_size or (_MEMORY_SIZE if asked else 0)
        terms = tuple(term for part in self.terms for term in part(settings))
        if not terms:
            raise InputError(
                f"Expected a term of the generator's objective for the method {name!r}. Received a "
                "weight of 0 for all of --logits_activation_weight, "
                "--representation_activation_weight and --information_entropy_weight."
            )
        return Method(
            discrepancy=losses.get(settings.discrepancy),
            generator_objectives=terms,
            interpolation=settings.interpolation if self.interpolation else None,
            student_steps=settings.student_steps,
            name=name + (_MEMORY if memory_size else ""),
            memory_size=memory_size,
            memory_share=settings.memory_share,
            images=self.images,
            attention=settings.attention if self.attention else None,
        )


# The weights of DAFL are those of its MNIST experiment, in nats.
_DAFL = Settings(
    discrepancy="kl",
    student_steps=1,
    logits_activation_weight=1.0,
    representation_activation_weight=0.1,
    information_entropy_weight=5.0,
)
_ZSKT = Settings(
    discrepancy="kl", student_steps=10, attention=AttentionTransfer(250.0, squared=True)
)
_DFQ = Settings(
    discrepancy="kl",
    student_steps=10,
    logits_activation_weight=1.0,
    representation_activation_weight=0.0,
    information_entropy_weight=20.0,
)
_ROWS = {
    "dfad": _Row((_adversarial,)),
    "dfad+activation": _Row((_adversarial, _activation)),
    "dfad+interpolation": _Row((_adversarial,), interpolation=True),
    "proposed": _Row((_adversarial, _activation), interpolation=True),
    "dafl": _Row((_activation,), images="same_images", defaults=_DAFL),
    "zskt": _Row((_adversarial,), images="same_latents", attention=True, defaults=_ZSKT),
    "dfq": _Row((_adversarial, _activation, _statistics), defaults=_DFQ),
}
METHODS: dict[str, _Row] = {
    name + suffix: row for suffix in ("", _MEMORY) for name, row in _ROWS.items()
}


def get(method: str | Method, settings: Settings | None = None) -> Method:
    """Return a method by name, or the given composition unchanged.

    Args:
        method: A name of `METHODS`, or a `Method`. `+memory` behind any name lets the
            student learn from past images of the generator.
        settings: Strengths of the parts of a named method; None are its authors'.

    Returns:
        The composition.

    Raises:
        InputError: If the name is unknown.

    Example:

    >>> get("proposed", Settings(student_steps=10)).student_steps
    10

    Reference:
        arXiv 2102.11638 (`proposed` and the ablation); arXiv 1912.11006 (`dfad`);
        arXiv 1904.01186 (`dafl`); arXiv 1905.09768 (`zskt`); arXiv 2005.04136 (`dfq`);
        arXiv 2108.05698 (`+memory`).
    """
    if isinstance(method, Method):
        return method
    row = names.look_up(METHODS, method, "method (--method)")
    return row.build(method_names.canonical(method), settings)
