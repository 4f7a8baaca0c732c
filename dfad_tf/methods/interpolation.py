"""Virtual interpolation, Eq. 9: the student also learns between generated images."""

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
    """Blend pairs of generated images, and the teacher's answers with them.

    The student's answer to λ·G(z_i) + (1−λ)·G(z_j) must match
    λ·T(G(z_i)) + (1−λ)·T(G(z_j)), with λ drawn from Beta(alpha, alpha).

    Args:
        weight: Factor of the virtual images' loss beside the plain images', above 0.
        alpha: Parameter of the Beta distribution; 1 is uniform on [0, 1].
        per_sample: Draw one λ an image instead of one a batch.
        partner: `"batch"` pairs every image with its neighbour in the batch
            (latents are independent, so this is a random pairing at no cost);
            `"fresh"` pairs it with an image from a second latent batch.
        mode: `"join"` adds virtual images to the plain batch; `"replace"` puts
            them in the place of the images that they are blended from, at the cost
            of a plain step, and `weight` has no say.
        share: Share of the batch that is blended, above 0 and at most 1.
        labels: What is blended: the teacher's `"logits"`, or its
            `"probabilities"` (returned as logits of the blended level). `"teacher"` is
            no blend: it asks the teacher itself about the virtual image.

    Example:

    >>> blend = VirtualInterpolation(weight=0.5, alpha=0.4, per_sample=True)
    >>> images, logits = blend((x, t), (x_partner, t_partner), key)

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
                raise ValueError(f"Expected `{name}` to be one of {known}. Received: {value!r}")
        if weight <= 0 or alpha <= 0:
            raise ValueError(
                "Expected `weight` and `alpha` to be above 0. "
                f"Received: weight={weight}, alpha={alpha}"
            )
        if not 0 < share <= 1:
            raise ValueError(f"Expected `share` in (0, 1]. Received: share={share}")
        self.weight = weight
        self.alpha = alpha
        self.per_sample = per_sample
        self.partner = partner
        self.mode = mode
        self.share = share
        self.labels = labels

    def count(self, batch_size: int) -> int:
        """Number of virtual images for a batch: its share, at least one."""
        return max(1, round(self.share * batch_size))

    def local_count(self, batch_size: int) -> int:
        """Number of virtual images for a replica's batch: rounded once, for the global one."""
        return self.count(batch_size * replicas.count()) // replicas.count()

    def __call__(
        self, first: tuple[Any, Any], second: tuple[Any, Any], key: Any
    ) -> tuple[Any, Any]:
        """Blend two batches with λ drawn by `key`.

        Args:
            first: Images `(batch, height, width, channels)` and the teacher's
                logits for them `(batch, classes)`.
            second: The partners, of the same shapes.
            key: An int32 tensor of shape `(2,)`, from `randomness.stateless_seed`.

        Returns:
            Virtual images and their target logits.
        """
        coefficient = self.coefficients(first[1].shape[0] * replicas.count(), key)
        return self.blend(first, second, replicas.own(coefficient))

    def interpolated_batches(
        self,
        images: Any,
        logits: Any,
        key: Any,
        partners: tuple[Any, Any] | None,
        ask_teacher: Callable[[Any], Any],
    ) -> list[tuple[Any, Any, float]]:
        """Return what the student learns from in one step.

        Args:
            images: Plain images `(batch, height, width, channels)`.
            logits: The teacher's logits for them `(batch, classes)`.
            key: As for `__call__`.
            partners: A second batch and its logits; None pairs within the batch.
            ask_teacher: Maps images to logits, for `labels="teacher"`.

        Returns:
            Batches of images, their target logits and their weight in the loss.
        """
        count = self.local_count(images.shape[0])
        if partners is None:
            partners = (_neighbours(images)[:count], _neighbours(logits)[:count])
        virtual, targets = self((images[:count], logits[:count]), partners, key)
        if self.labels == "teacher":
            targets = ask_teacher(virtual)
        if self.mode == "join":
            return [(images, logits, 1.0), (virtual, targets, self.weight)]
        # What is blended is not seen plain as well; both count by their share.
        share = count / images.shape[0]
        plain = [(images[count:], logits[count:], 1.0 - share)] if share < 1 else []
        return [*plain, (virtual, targets, share)]

    def coefficients(self, batch_size: int, key: Any) -> tf.Tensor:
        """Draw λ: `(batch_size,)` values in [0, 1], all the same unless `per_sample`."""
        uniform = tf.random.stateless_uniform((batch_size if self.per_sample else 1,), key)
        if self.alpha != 1.0:
            # XLA has no gamma sampler, so Beta is drawn by inverting its distribution.
            quantiles = tf.constant(_beta_quantiles(self.alpha), tf.float32)
            place = uniform * _QUANTILES
            below = tf.cast(tf.floor(place), tf.int32)
            low, high = tf.gather(quantiles, below), tf.gather(quantiles, below + 1)
            uniform = low + (high - low) * (place - tf.floor(place))
        return tf.broadcast_to(uniform, (batch_size,))

    def blend(
        self, first: tuple[Any, Any], second: tuple[Any, Any], coefficient: Any
    ) -> tuple[Any, Any]:
        """Blend two batches with the given λ, `(batch,)` values in [0, 1]."""
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


def _neighbours(values: Any) -> Any:
    """What stands before each sample in the global batch."""
    return replicas.own(tf.roll(replicas.gathered(values), 1, 0))


def _mix(first: Any, second: Any, coefficient: Any) -> Any:
    shape = (-1,) + (1,) * (len(first.shape) - 1)
    weight = tf.cast(tf.reshape(coefficient, shape), first.dtype)
    return weight * first + (1 - weight) * second


def _level(logits: Any) -> Any:
    """What softmax takes from logits, so that other discrepancies than KL see their scale."""
    return tf.reduce_logsumexp(logits, axis=-1, keepdims=True)


def _beta_quantiles(alpha: float) -> np.ndarray:
    from scipy import special  # a slow import that the default, alpha = 1, does not need

    return special.betaincinv(alpha, alpha, np.linspace(0.0, 1.0, _QUANTILES + 1))
