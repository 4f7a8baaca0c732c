"""The settings of a synthesizer that searches for each batch in a round of steps."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import keras
import tensorflow as tf

from dfad_tf.utils.errors import InputError


@keras.saving.register_keras_serializable("dfad_tf")
@dataclass(frozen=True)
class Inversion:
    """How a batch of images is searched for in a round of steps.

    Attributes:
        steps: Steps in a round, at least 1. The batch of the step with the lowest objective is
            kept.
        learning_rate: Learning rate of the generator's weights in a round, whose Adam starts
            again each time; 0 keeps the weights.
        latent_learning_rate: Learning rate of the latents; 0 keeps the latents that were drawn.
        meta: Whether the weights return to those before the round, and the generator's optimizer
            then takes one step with the sum of the gradients of the round.
        decay: Whether both learning rates fall to 0 in a round, along a cosine.

    Raises:
        InputError: If a value is out of range, or there is nothing to train.

    Reference:
        Fang et al., FastDFKD, arXiv 2112.06253, algorithm 1 (`meta`, first order); CMI,
        arXiv 2105.08584; Tran et al., NAYER, arXiv 2310.00258.
    """

    steps: int = 10
    learning_rate: float = 4e-3
    latent_learning_rate: float = 0.0
    meta: bool = False
    decay: bool = False

    def __post_init__(self) -> None:
        if self.steps < 1 or min(self.learning_rate, self.latent_learning_rate) < 0:
            raise InputError(
                "Expected `steps` to be at least 1, and `learning_rate` and "
                f"`latent_learning_rate` to be at least 0. Received: {self}"
            )
        if not self.learning_rate + self.latent_learning_rate:
            raise InputError(
                "Expected `learning_rate` or `latent_learning_rate` to be above 0. Received: 0 "
                "for both"
            )
        if self.meta and not self.learning_rate:
            raise InputError(
                "Expected `learning_rate` to be above 0 with `meta`. Received: learning_rate=0"
            )

    def rate_share(self, step: tf.Tensor | int) -> tf.Tensor:
        """Return the share of the learning rates that is left, from 0 to 1.

        Args:
            step: Number of steps of the round so far, a scalar.
        """
        if not self.decay:
            return tf.constant(1.0)
        return 0.5 * (1 + tf.cos(math.pi * tf.cast(step, tf.float32) / self.steps))

    def get_config(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Inversion:
        return cls(**config)
