"""Virtual interpolation, Eq. 9: the student also learns from blends of generated images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dfad_tf.compute import replicas

LABELS = ("logits", "probabilities", "teacher")
MODES = ("join", "replace")
PARTNERS = ("batch", "fresh")
_QUANTILES = 4096


@keras.saving.register_keras_serializable("dfad_tf")
class VirtualInterpolation:
    """Blend pairs of generated images, and the teacher's answers to them.

    The student's answer to λ·G(z_i) + (1−λ)·G(z_j) should equal
    λ·T(G(z_i)) + (1−λ)·T(G(z_j)), with λ drawn from Beta(alpha, alpha).

    Args:
        weight: Weight of the loss on virtual images, relative to plain images, above 0.
        alpha: Parameter of the Beta distribution, above 0; 1 is uniform on [0, 1].
        per_sample: Whether one λ is drawn for each image instead of one for the batch.
        partner: `"batch"` pairs each image with its neighbor in the batch, which is a random
            pairing at no cost, because latents are independent. `"fresh"` pairs it with an image
            from a second batch of latents.
        mode: `"join"` adds virtual images to the plain batch. `"replace"` replaces the blended
            images by them at the cost of a plain step, and ignores `weight`.
        share: Share of the batch that is blended, above 0 and at most 1.
        labels: The target of a virtual image. `"logits"` blends the teacher's logits.
            `"probabilities"` blends its probabilities, and returns them as logits of the blended
            level. `"teacher"` evaluates the teacher on the virtual image.

    Raises:
        ValueError: If a value is unknown or out of range.

    Example:

    >>> blend = VirtualInterpolation(weight=0.5, alpha=0.4, per_sample=True)
    >>> pair = (images, teacher_logits)
    >>> virtual, targets = blend(pair, pair, tf.constant([1, 2]))

    Reference:
        arXiv 2102.11638, Eq. 9; Zhang et al., "mixup", arXiv 1710.09412.
    """

    def __init__(
        self,
        weight: float = 1.0,
        alpha: float = 1.0,
        per_sample: bool = False,
        partner: str = "batch",
        mode: str = "join",
        share: float = 1.0,
        labels: str = "logits",
    ) -> None:
        for name, value, known in (
            ("partner", partner, PARTNERS),
            ("mode", mode, MODES),
            ("labels", labels, LABELS),
        ):
            if value not in known:
                raise ValueError(
                    f"Expected `{name}` to be one of {', '.join(known)}. Received: {name}={value!r}"
                )
        if weight <= 0 or alpha <= 0:
            raise ValueError(
                "Expected `weight` and `alpha` to be above 0. "
                f"Received: weight={weight}, alpha={alpha}"
            )
        if not 0 < share <= 1:
            raise ValueError(f"Expected `share` to be in (0, 1]. Received: share={share}")
        self.weight = weight
        self.alpha = alpha
        self.per_sample = per_sample
        self.partner = partner
        self.mode = mode
        self.share = share
        self.labels = labels

    def count(self, batch_size: int) -> int:
        """Return the number of virtual images for a batch over all replicas, at least one."""
        return max(1, round(self.share * batch_size))

    def local_count(self, batch_size: int) -> int:
        """Return the number for a replica's batch, rounded for the global batch."""
        return self.count(batch_size * replicas.count()) // replicas.count()

    def __call__(
        self,
        first: tuple[tf.Tensor, tf.Tensor],
        second: tuple[tf.Tensor, tf.Tensor],
        key: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Blend two batches with a random λ.

        Args:
            first: Images `(batch, height, width, channels)` and the teacher's
                logits for them `(batch, classes)`.
            second: Images and logits of the partners, of the same shapes.
            key: An int32 tensor of shape `(2,)`, from `randomness.stateless_seed`.

        Returns:
            Virtual images and their target logits.
        """
        coefficient = self.coefficients(first[1].shape[0] * replicas.count(), key)
        return self.blend(first, second, replicas.own(coefficient))

    def interpolated_batches(
        self,
        images: tf.Tensor,
        logits: tf.Tensor,
        key: tf.Tensor,
        partners: tuple[tf.Tensor, tf.Tensor] | None,
        teacher: Callable[[tf.Tensor], tf.Tensor],
    ) -> list[tuple[tf.Tensor, tf.Tensor, float]]:
        """Return the batches of one student step.

        Args:
            images: Plain images `(batch, height, width, channels)`.
            logits: The teacher's logits for them `(batch, classes)`.
            key: As for `__call__`.
            partners: A second batch and its logits; None pairs images within the batch.
            teacher: Function from images to the teacher's logits, for `labels="teacher"`.

        Returns:
            Batches of images, their target logits, and their weight in the loss.
        """
        count = self.local_count(images.shape[0])
        if partners is None:
            partners = tuple(replicas.neighbors(values)[:count] for values in (images, logits))
        virtual, targets = self((images[:count], logits[:count]), partners, key)
        if self.labels == "teacher":
            targets = teacher(virtual)
        if self.mode == "join":
            return [(images, logits, 1.0), (virtual, targets, self.weight)]
        # Blended images are not used as plain ones; both losses are weighted by their share.
        share = count / images.shape[0]
        plain = [(images[count:], logits[count:], 1.0 - share)] if share < 1 else []
        return [*plain, (virtual, targets, share)]

    def coefficients(self, batch_size: int, key: tf.Tensor) -> tf.Tensor:
        """Draw λ.

        Args:
            batch_size: Number of values.
            key: As for `__call__`.

        Returns:
            Values in [0, 1] of shape `(batch_size,)`, all equal unless `per_sample`.
        """
        uniform = tf.random.stateless_uniform((batch_size if self.per_sample else 1,), key)
        if self.alpha != 1.0:
            # XLA has no gamma sampler, so that Beta is drawn by inverting its distribution.
            quantiles = tf.constant(_beta_quantiles(self.alpha), tf.float32)
            place = uniform * _QUANTILES
            below = tf.cast(tf.floor(place), tf.int32)
            low, high = tf.gather(quantiles, below), tf.gather(quantiles, below + 1)
            uniform = low + (high - low) * (place - tf.floor(place))
        return tf.broadcast_to(uniform, (batch_size,))

    def blend(
        self,
        first: tuple[tf.Tensor, tf.Tensor],
        second: tuple[tf.Tensor, tf.Tensor],
        coefficient: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Blend two batches with a given λ.

        Args:
            first: As for `__call__`.
            second: As for `__call__`.
            coefficient: Values of λ in [0, 1], of shape `(batch,)`.

        Returns:
            Virtual images and their target logits.
        """
        images = _mix(first[0], second[0], coefficient)
        if self.labels == "probabilities":
            probabilities = _mix(tf.nn.softmax(first[1]), tf.nn.softmax(second[1]), coefficient)
            level = _mix(_level(first[1]), _level(second[1]), coefficient)
            return images, tf.math.log(probabilities + keras.config.epsilon()) + level
        return images, _mix(first[1], second[1], coefficient)

    def get_config(self) -> dict[str, Any]:
        return {
            "weight": self.weight,
            "alpha": self.alpha,
            "per_sample": self.per_sample,
            "partner": self.partner,
            "mode": self.mode,
            "share": self.share,
            "labels": self.labels,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> VirtualInterpolation:
        return cls(**config)


def _mix(first: tf.Tensor, second: tf.Tensor, coefficient: tf.Tensor) -> tf.Tensor:
    shape = (-1,) + (1,) * (len(first.shape) - 1)
    weight = tf.cast(tf.reshape(coefficient, shape), first.dtype)
    return weight * first + (1 - weight) * second


def _level(logits: tf.Tensor) -> tf.Tensor:
    """Return what softmax subtracts from logits; discrepancies other than KL depend on it."""
    return tf.reduce_logsumexp(logits, axis=-1, keepdims=True)


def _beta_quantiles(alpha: float) -> np.ndarray:
    # A slow import, which is not needed for the default, alpha = 1.
    from scipy import special

    return special.betaincinv(alpha, alpha, np.linspace(0.0, 1.0, _QUANTILES + 1))
