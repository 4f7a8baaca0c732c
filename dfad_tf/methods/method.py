"""A data-free method, as a composition of losses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import keras

from dfad_tf.data.batch_augmentation import AUGMENTATIONS
from dfad_tf.losses import AttentionTransfer, FeatureMatching
from dfad_tf.methods.interpolation import VirtualInterpolation
from dfad_tf.synthesis.inversion import Inversion
from dfad_tf.synthesis.objectives import GeneratorObjective
from dfad_tf.utils.errors import InputError

IMAGE_SOURCES = ("fresh", "same_images", "same_latents")


class BatchParts(NamedTuple):
    """Where the images of the student's batch come from.

    Attributes:
        fresh: Images of the generator.
        stored: Images from the memory.
        procedural: Procedural images.
    """

    fresh: int
    stored: int
    procedural: int


@keras.saving.register_keras_serializable("dfad_tf")
@dataclass(frozen=True)
class Method:
    """What the student and the generator minimize, and on which images the student learns.

    Attributes:
        discrepancy: The student's loss, called as `(teacher_logits, student_logits)`.
        generator_objectives: Terms of the generator's objective, at least one.
        interpolation: Virtual interpolation for the student, or None.
        student_steps: Student steps before each generator step, at least 1.
        name: Name of the method.
        memory_size: Number of past images of the generator's steps that are stored for the
            student, with the teacher's logits; 0 stores none.
        memory_share: Share of the student's batch that is drawn from the stored images, above 0
            and at most 1. With 1, no image is generated for the student.
        image_source: The student's other images. `"fresh"` are generated for the student alone.
            `"same_images"` are those of the generator's step, which then comes first.
            `"same_latents"` are generated from the latents of that step, after it.
        feature_loss: Attention transfer or feature matching, added to the discrepancy, or None.
        image_augmentation: How stored and procedural images are altered when they are drawn: a
            name in `batch_augmentation.AUGMENTATIONS`. Except with `"none"`, the teacher answers
            the altered images, and all of its classes are drawn equally often.
        mixed_share: Share of the images that are answered when they are drawn, in which two
            images are blended before; from 0 to 1. Only together with `image_augmentation` or
            procedural images.
        procedural_size: Number of procedural images that are drawn before the training.
        procedural_share: Share of the student's batch that is drawn from them, from 0 to 1.
            `memory_share` is that of the other images. With 1, the student learns from procedural
            images alone, and the generator's images only measure it.
        generator_lifetime: Generator steps, or rounds of an inversion, after which the generator
            starts again from random weights; 0 for never.
        synthesis_augmentation: How the generator's images are cropped before the networks see
            them in its own step: a name in `batch_augmentation.AUGMENTATIONS`. The border of the
            crop is black.
        inversion: How each batch is searched for in a round of steps; None for one step of the
            generator on each batch.

    Raises:
        InputError: If a value is out of range, `feature_loss` is combined with interpolation
            that replaces the plain images, or an inversion stores no images.
    """

    discrepancy: keras.losses.Loss
    generator_objectives: tuple[GeneratorObjective, ...]
    interpolation: VirtualInterpolation | None = None
    student_steps: int = 5
    name: str = "custom"
    memory_size: int = 0
    memory_share: float = 1.0
    image_source: str = "fresh"
    feature_loss: AttentionTransfer | FeatureMatching | None = None
    image_augmentation: str = "none"
    mixed_share: float = 0.0
    procedural_size: int = 0
    procedural_share: float = 0.0
    generator_lifetime: int = 0
    synthesis_augmentation: str = "none"
    inversion: Inversion | None = None

    def __post_init__(self) -> None:
        if self.image_source not in IMAGE_SOURCES:
            raise InputError(
                f"Expected `image_source` to be one of {', '.join(IMAGE_SOURCES)}. Received: "
                f"image_source={self.image_source!r}"
            )
        if self.student_steps < 1:
            raise InputError(
                "Expected `student_steps` to be at least 1. "
                f"Received: student_steps={self.student_steps}"
            )
        if self.memory_size < 0 or not 0 < self.memory_share <= 1:
            raise InputError(
                "Expected `memory_size` to be at least 0, `memory_share` in (0, 1]. Received: "
                f"memory_size={self.memory_size}, memory_share={self.memory_share}"
            )
        for name in ("image_augmentation", "synthesis_augmentation"):
            if getattr(self, name) not in AUGMENTATIONS:
                raise InputError(
                    f"Expected `{name}` to be one of {', '.join(AUGMENTATIONS)}. "
                    f"Received: {name}={getattr(self, name)!r}"
                )
        if self.inversion and (not self.memory_size or self.memory_share < 1):
            raise InputError(
                "Expected `memory_size` above 0 and `memory_share` of 1 with `inversion`, whose "
                "images the student learns from. Received: "
                f"memory_size={self.memory_size}, memory_share={self.memory_share}"
            )
        altered = self.redraws or self.procedural_share
        if not 0 <= self.mixed_share <= 1 or (self.mixed_share and not altered):
            raise InputError(
                "Expected `mixed_share` to be from 0 to 1, and above 0 only with "
                "`image_augmentation` of stored images (`memory_size`) or with "
                f"`procedural_share`. Received: mixed_share={self.mixed_share}, "
                f"image_augmentation={self.image_augmentation!r}"
            )
        if not 0 <= self.procedural_share <= 1 or (self.procedural_share > 0) != (
            self.procedural_size > 0
        ):
            raise InputError(
                "Expected `procedural_share` to be from 0 to 1, and above 0 together with "
                f"`procedural_size`. Received: procedural_share={self.procedural_share}, "
                f"procedural_size={self.procedural_size}"
            )
        if self.generator_lifetime < 0:
            raise InputError(
                "Expected `generator_lifetime` to be at least 0. "
                f"Received: generator_lifetime={self.generator_lifetime}"
            )
        if self.feature_loss and self.interpolation and self.interpolation.mode == "replace":
            raise InputError(
                "Expected `mode` of `interpolation` to be 'join', because `feature_loss` compares "
                f"the maps of plain images. Received: mode={self.interpolation.mode!r}"
            )
        if not self.generator_objectives:
            raise InputError("Expected at least one term in `generator_objectives`. Received: none")

    @property
    def redraws(self) -> bool:
        """Whether the teacher answers stored images again whenever they are drawn."""
        return bool(self.memory_size) and self.image_augmentation != "none"

    @property
    def needs_labels(self) -> bool:
        """Whether images are synthesized for given classes."""
        return any(term.needs_labels for term in self.generator_objectives)

    @property
    def needs_features(self) -> bool:
        """Whether a term reads the teacher's features."""
        return any(term.needs_features for term in self.generator_objectives)

    def images_per_step(self, batch_size: int) -> int:
        """Return the number of images generated in one train step.

        Args:
            batch_size: Images in a batch, over all replicas.
        """
        wanted, partners = self.batch_parts(batch_size).fresh, 0
        if self.interpolation and self.interpolation.partner == "fresh":
            partners = self.student_steps * self.interpolation.count(batch_size)
        own = {
            "fresh": self.student_steps * wanted,
            "same_latents": batch_size if wanted else 0,
            "same_images": 0,
        }
        return batch_size + own[self.image_source] + partners

    def batch_parts(self, batch_size: int) -> BatchParts:
        """Divide the student's batch among the sources of its images.

        Args:
            batch_size: Images in a batch, over all replicas.

        Example:

        >>> methods.get("dfad", Settings(memory_size=64, memory_share=0.75)).batch_parts(8)
        BatchParts(fresh=2, stored=6, procedural=0)
        """
        if self.procedural_share == 1:
            return BatchParts(0, 0, batch_size)
        procedural = min(batch_size - 1, round(batch_size * self.procedural_share))
        stored, others = 0, batch_size - procedural
        if self.memory_size:
            stored = max(1, round(others * self.memory_share))
        return BatchParts(others - stored, stored, procedural)

    def shared_counts(self, batch_size: int) -> dict[str, int]:
        """Return the numbers of images that must be divisible by the number of replicas.

        Args:
            batch_size: Images in a batch, over all replicas.

        Returns:
            The size of each part of the batch, by what sets it.
        """
        counts, parts = {}, self.batch_parts(batch_size)
        if self.memory_size:
            counts["the stored part of the batch (`memory_share`)"] = parts.stored
        if self.procedural_size:
            counts["the procedural part of the batch (`procedural_share`)"] = parts.procedural
        if self.interpolation:
            virtual = self.interpolation.count(batch_size)
            counts["the virtual part of the batch (`share` of the interpolation)"] = virtual
        return counts

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
            "image_source": self.image_source,
            "feature_loss": serialize(self.feature_loss) if self.feature_loss else None,
            "image_augmentation": self.image_augmentation,
            "mixed_share": self.mixed_share,
            "procedural_size": self.procedural_size,
            "procedural_share": self.procedural_share,
            "generator_lifetime": self.generator_lifetime,
            "synthesis_augmentation": self.synthesis_augmentation,
            "inversion": serialize(self.inversion) if self.inversion else None,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Method:
        deserialize = keras.saving.deserialize_keras_object
        features = config.get("feature_loss", config.get("attention"))  # as 0.6.0 wrote it
        inversion = config.get("inversion")
        return cls(
            discrepancy=deserialize(config["discrepancy"]),
            generator_objectives=tuple(map(deserialize, config["generator_objectives"])),
            interpolation=deserialize(config["interpolation"]) if config["interpolation"] else None,
            student_steps=config["student_steps"],
            name=config["name"],
            memory_size=config.get("memory_size", 0),  # Absent before 0.3.0.
            memory_share=config.get("memory_share", 1.0),
            # Version 0.5.0 wrote `images`.
            image_source=config.get("image_source", config.get("images", "fresh")),
            feature_loss=deserialize(features) if features else None,
            image_augmentation=config.get("image_augmentation", "none"),  # since 0.7.0
            mixed_share=config.get("mixed_share", 0.0),
            procedural_size=config.get("procedural_size", 0),
            procedural_share=config.get("procedural_share", 0.0),
            generator_lifetime=config.get("generator_lifetime", 0),
            synthesis_augmentation=config.get("synthesis_augmentation", "none"),
            inversion=deserialize(inversion) if inversion else None,
        )
