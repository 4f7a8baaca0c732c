"""The named methods, each a composition of losses. A new method is a new row of the table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import keras

from dfad_tf import losses
from dfad_tf.losses import AttentionTransfer, FeatureMatching
from dfad_tf.methods import method_names
from dfad_tf.methods.interpolation import VirtualInterpolation
from dfad_tf.methods.method import Method
from dfad_tf.synthesis.objectives import (
    AdversarialDiscrepancy,
    BatchNormStatistics,
    GeneratorObjective,
    InformationEntropy,
    LogitsActivation,
    RepresentationActivation,
    TargetLabels,
)
from dfad_tf.utils import names
from dfad_tf.utils.errors import InputError

_MEMORY, _MEMORY_SIZE = method_names.MEMORY, 4096


@dataclass(frozen=True)
class Settings:
    """Hyperparameters of the named methods; a method uses those of its terms.

    Attributes:
        discrepancy: Name of a discrepancy, or loss between logits, that the student minimizes.
        generator_discrepancy: The discrepancy that the generator maximizes; None for the same.
        student_steps: Student steps before each generator step, at least 1.
        logits_activation_weight: Weight a_l of R_l (Eq. 2).
        representation_activation_weight: Weight a_m of R_m (Eq. 3).
        representation_activation_norm: `"mean"` or `"sum"` over the features.
        information_entropy_weight: Weight of the class balance, in methods with R_l and R_m. The
            paper's value, 0, disables the term.
        batch_norm_weight: Weight of the distance to the teacher's batch-norm statistics. None
            stands for 1 in `dfq`, and for 0 in the other methods.
        batch_norm_momentum: Share of earlier batches in the statistics that are compared.
        label_weight: Weight of the cross-entropy to target labels that are drawn evenly, in any
            method; 0 disables the term.
        adversarial_weight: Weight of the discrepancy that the generator maximizes.
        where_they_agree: Whether only images count in it that teacher and student put into the
            same class.
        temperature: Temperature of the student's discrepancy, for `"kl"`.
        feature_weight: Weight of feature matching in the student's loss; 0 disables it.
        attention: Attention transfer in the student's loss.
        interpolation: Virtual interpolation (Eq. 9).
        memory_size: Number of past images stored for the student, in any method. 0 stores none,
            or 4,096 if the name of the method ends in `+memory`.
        memory_share: Share of the student's batch that is drawn from them, above 0 and at most 1.
        image_augmentation: How stored images are altered when they are drawn.
        mixed_share: Share of the altered images in which two images are blended.
        procedural_size: Number of procedural images that are drawn before the training.
        procedural_share: Share of the student's batch that is drawn from them.
        generator_lifetime: Generator steps after which the generator starts again; 0 for never.
    """

    discrepancy: str | keras.losses.Loss = "mae"
    generator_discrepancy: str | keras.losses.Loss | None = None
    student_steps: int = 5
    logits_activation_weight: float = 0.05
    representation_activation_weight: float = 0.01
    representation_activation_norm: str = "mean"
    information_entropy_weight: float = 0.0
    batch_norm_weight: float | None = None
    batch_norm_momentum: float = 0.0
    label_weight: float = 0.0
    adversarial_weight: float = 1.0
    where_they_agree: bool = False
    temperature: float = 1.0
    feature_weight: float = 0.0
    attention: AttentionTransfer = field(default_factory=lambda: AttentionTransfer(squared=True))
    interpolation: VirtualInterpolation = field(default_factory=VirtualInterpolation)
    memory_size: int = 0
    memory_share: float = 1.0
    image_augmentation: str = "none"
    mixed_share: float = 0.0
    procedural_size: int = 20_000
    procedural_share: float = 0.0
    generator_lifetime: int = 0


def _adversarial(settings: Settings) -> tuple[GeneratorObjective, ...]:
    if not settings.adversarial_weight:
        return ()
    return (
        AdversarialDiscrepancy(
            settings.generator_discrepancy or settings.discrepancy,
            settings.adversarial_weight,
            where_they_agree=settings.where_they_agree,
        ),
    )


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


def _inversion(settings: Settings) -> tuple[GeneratorObjective, ...]:
    """The terms that tie the images to what the teacher has kept of its data."""
    terms: tuple[GeneratorObjective, ...] = ()
    if settings.batch_norm_weight:
        momentum = settings.batch_norm_momentum
        terms += (BatchNormStatistics(settings.batch_norm_weight, momentum=momentum),)
    if settings.label_weight:
        terms += (TargetLabels(settings.label_weight),)
    return terms


def _student_discrepancy(settings: Settings) -> keras.losses.Loss:
    if settings.temperature == 1.0:
        return losses.get(settings.discrepancy)
    if settings.discrepancy not in losses.WITH_TEMPERATURE:
        raise InputError(
            f"Expected `discrepancy` to be {' or '.join(losses.WITH_TEMPERATURE)} with a "
            "temperature other than 1. "
            f"Received: {settings.discrepancy!r} with {settings.temperature:g}"
        )
    return losses.get(settings.discrepancy, temperature=settings.temperature)


def _feature_loss(
    settings: Settings, attention: bool
) -> AttentionTransfer | FeatureMatching | None:
    if attention:
        return settings.attention
    layers = settings.attention.teacher_layers, settings.attention.student_layers
    return FeatureMatching(settings.feature_weight, *layers) if settings.feature_weight else None


@dataclass(frozen=True)
class _Row:
    """The terms of a named method, and the hyperparameters of its authors."""

    terms: tuple[Callable[[Settings], tuple[GeneratorObjective, ...]], ...]
    interpolation: bool = False
    image_source: str = "fresh"
    attention: bool = False
    batch_norm_weight: float = 0.0
    defaults: Settings = field(default_factory=Settings)

    def build(self, name: str, settings: Settings | None) -> Method:
        settings = settings or self.defaults
        if settings.batch_norm_weight is None:
            settings = replace(settings, batch_norm_weight=self.batch_norm_weight)
        name, with_memory = name.removesuffix(_MEMORY), name.endswith(_MEMORY)
        memory_size = settings.memory_size or (_MEMORY_SIZE if with_memory else 0)
        terms = tuple(term for part in (*self.terms, _inversion) for term in part(settings))
        if not terms:
            raise InputError(
                "Expected `adversarial_weight`, `logits_activation_weight`, "
                "`representation_activation_weight`, `information_entropy_weight`, "
                "`batch_norm_weight` or `label_weight` to be above 0, as far as the method "
                f"{name!r} has these terms. Received: 0 for all of them"
            )
        return Method(
            discrepancy=_student_discrepancy(settings),
            generator_objectives=terms,
            interpolation=settings.interpolation if self.interpolation else None,
            student_steps=settings.student_steps,
            name=name + (_MEMORY if memory_size else ""),
            memory_size=memory_size,
            memory_share=settings.memory_share,
            image_source=self.image_source,
            feature_loss=_feature_loss(settings, self.attention),
            image_augmentation=settings.image_augmentation,
            mixed_share=settings.mixed_share,
            procedural_size=settings.procedural_size if settings.procedural_share else 0,
            procedural_share=settings.procedural_share,
            generator_lifetime=settings.generator_lifetime,
        )


# The weights of DAFL's MNIST experiment, in nats.
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
    "dafl": _Row((_activation,), image_source="same_images", defaults=_DAFL),
    "zskt": _Row((_adversarial,), image_source="same_latents", attention=True, defaults=_ZSKT),
    "dfq": _Row((_adversarial, _activation), batch_norm_weight=1.0, defaults=_DFQ),
}
METHODS: dict[str, _Row] = {
    name + suffix: row for suffix in ("", _MEMORY) for name, row in _ROWS.items()
}


def get(method: str | Method, settings: Settings | None = None) -> Method:
    """Return a method by name, or a `Method` unchanged.

    Args:
        method: A name in `METHODS`, or a `Method`. With the suffix `+memory` the student learns
            from past images of the generator.
        settings: Hyperparameters of a named method; None for those of its authors.

    Returns:
        The method.

    Raises:
        InputError: If the name is unknown, or the generator's objective has no term.

    Example:

    >>> methods.get("proposed", Settings(student_steps=10)).student_steps
    10

    Reference:
        arXiv 2102.11638 (`proposed` and the ablation); arXiv 1912.11006 (`dfad`);
        arXiv 1904.01186 (`dafl`); arXiv 1905.09768 (`zskt`); arXiv 2005.04136 (`dfq`);
        arXiv 2108.05698 (`+memory`).
    """
    if isinstance(method, Method):
        return method
    row = names.look_up(METHODS, method, "method")
    return row.build(method_names.canonical(method), settings)
