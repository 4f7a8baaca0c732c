"""The named methods, each a composition of losses. A new method is a new row of the table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import keras

from dfad_tf import losses
from dfad_tf.losses import AttentionTransfer, FeatureMatching
from dfad_tf.methods import method_names
from dfad_tf.methods.method import Method
from dfad_tf.methods.settings import Settings
from dfad_tf.synthesis.inversion import Inversion
from dfad_tf.synthesis.objectives import (
    AdversarialDiscrepancy,
    BatchNormStatistics,
    ContrastiveDiversity,
    GeneratorObjective,
    InformationEntropy,
    LogitsActivation,
    RepresentationActivation,
    TargetLabels,
    TotalVariation,
)
from dfad_tf.utils import names
from dfad_tf.utils.errors import InputError

_MEMORY, _MEMORY_SIZE, _POOL_SIZE = method_names.MEMORY, 4096, 40_000


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


def _tied_to_data(settings: Settings) -> tuple[GeneratorObjective, ...]:
    """The terms that tie the images to what the teacher has kept of its data."""
    terms: tuple[GeneratorObjective, ...] = ()
    if settings.batch_norm_weight:
        terms += (
            BatchNormStatistics(
                settings.batch_norm_weight,
                momentum=settings.batch_norm_momentum,
                scale=settings.batch_norm_scale,
            ),
        )
    if settings.label_weight:
        terms += (TargetLabels(settings.label_weight),)
    if settings.total_variation_weight:
        terms += (TotalVariation(settings.total_variation_weight),)
    if settings.contrast_weight:
        terms += (ContrastiveDiversity(settings.contrast_weight),)
    return terms


def _inversion_search(settings: Settings) -> Inversion | None:
    if not settings.inversion_steps:
        return None
    return Inversion(
        settings.inversion_steps,
        settings.inversion_learning_rate,
        settings.latent_learning_rate,
        settings.inversion_meta,
        settings.inversion_decay,
    )


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
    memory_size: int = 0
    defaults: Settings = field(default_factory=Settings)

    def build(self, name: str, settings: Settings | None) -> Method:
        settings = settings or self.defaults
        if settings.batch_norm_weight is None:
            settings = replace(settings, batch_norm_weight=self.batch_norm_weight)
        name, with_memory = name.removesuffix(_MEMORY), name.endswith(_MEMORY)
        memory_size = settings.memory_size or self.memory_size
        if with_memory:
            memory_size = memory_size or _MEMORY_SIZE
        terms = tuple(term for part in (*self.terms, _tied_to_data) for term in part(settings))
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
            name=name + (_MEMORY if memory_size and not self.memory_size else ""),
            memory_size=memory_size,
            memory_share=settings.memory_share,
            image_source=self.image_source,
            feature_loss=_feature_loss(settings, self.attention),
            image_augmentation=settings.image_augmentation,
            mixed_share=settings.mixed_share,
            procedural_size=settings.procedural_size if settings.procedural_share else 0,
            procedural_share=settings.procedural_share,
            generator_lifetime=settings.generator_lifetime,
            synthesis_augmentation=settings.synthesis_augmentation,
            inversion=_inversion_search(settings),
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
# Methods that search for each batch of images, and train the student on all images so far.
_POOL = Settings(
    discrepancy="kl",
    temperature=20.0,
    student_steps=20,
    label_weight=0.5,
    batch_norm_weight=10.0,
    batch_norm_momentum=0.9,
    adversarial_weight=1.33,
    where_they_agree=True,
    image_augmentation="shift_flip",
    synthesis_augmentation="shift_flip",
)
_CMI = replace(
    _POOL,
    batch_norm_weight=1.0,
    batch_norm_momentum=0.0,
    adversarial_weight=0.5,
    contrast_weight=0.8,
    inversion_steps=200,
    inversion_learning_rate=1e-3,
    latent_learning_rate=1e-3,
    generator_lifetime=1,
)
_FASTDFKD = replace(
    _POOL,
    inversion_steps=5,
    inversion_learning_rate=3e-3,
    latent_learning_rate=0.01,
    inversion_meta=True,
)
_NAYER = replace(_POOL, inversion_steps=30, inversion_learning_rate=4e-3, generator_lifetime=10)
_DEEP_INVERSION = replace(
    _POOL,
    temperature=3.0,
    batch_norm_momentum=0.0,
    label_weight=1.0,
    adversarial_weight=0.0,
    total_variation_weight=0.01,
    synthesis_augmentation="shift",
    inversion_steps=2000,
    inversion_learning_rate=0.0,
    latent_learning_rate=0.1,
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
_POOLED = {
    "cmi": _Row((_adversarial,), memory_size=_POOL_SIZE, defaults=_CMI),
    "fastdfkd": _Row((_adversarial,), memory_size=_POOL_SIZE, defaults=_FASTDFKD),
    "nayer": _Row((_adversarial,), memory_size=_POOL_SIZE, defaults=_NAYER),
    "deepinversion": _Row((_adversarial,), memory_size=_POOL_SIZE, defaults=_DEEP_INVERSION),
}
METHODS: dict[str, _Row] = {
    **_ROWS,
    **{name + _MEMORY: row for name, row in _ROWS.items()},
    **_POOLED,
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
        arXiv 2108.05698 (`+memory`); arXiv 2105.08584 (`cmi`); arXiv 2112.06253 (`fastdfkd`);
        arXiv 2310.00258 (`nayer`, here with one-hot targets in the place of text embeddings);
        arXiv 1912.08795 (`deepinversion`).
    """
    if isinstance(method, Method):
        return method
    row = names.look_up(METHODS, method, "method")
    return row.build(method_names.canonical(method), settings)
