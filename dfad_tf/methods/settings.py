"""The hyperparameters of the named methods."""

from __future__ import annotations

from dataclasses import dataclass, field

import keras

from dfad_tf.losses import AttentionTransfer
from dfad_tf.methods.interpolation import VirtualInterpolation


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
        batch_norm_scale: `"absolute"` or `"relative"` to the teacher's standard deviations.
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
        generator_lifetime: Generator steps, or rounds, after which the generator starts again; 0
            for never.
        synthesis_augmentation: How the generator's images are cropped in its own step.
        total_variation_weight: Weight of the differences of neighbouring pixels; 0 disables it.
        contrast_weight: Weight of the contrast of each image with all others; 0 disables it.
        inversion_steps: Steps in which each batch is searched for; 0 trains the generator by one
            step on each batch instead.
        inversion_learning_rate: Learning rate of the generator's weights in these steps.
        latent_learning_rate: Learning rate of the latents in these steps.
        inversion_meta: Whether the weights return to those before the steps, and the generator's
            optimizer takes one step with the sum of their gradients.
        inversion_decay: Whether the learning rates fall to 0 in these steps, along a cosine.
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
    batch_norm_scale: str = "absolute"
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
    synthesis_augmentation: str = "none"
    total_variation_weight: float = 0.0
    contrast_weight: float = 0.0
    inversion_steps: int = 0
    inversion_learning_rate: float = 4e-3
    latent_learning_rate: float = 0.0
    inversion_meta: bool = False
    inversion_decay: bool = False
