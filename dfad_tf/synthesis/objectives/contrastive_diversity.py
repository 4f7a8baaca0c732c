"""Each image should differ from all others, in the teacher's features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from dfad_tf.compute import replicas
from dfad_tf.compute.shared_variables import shared_variable
from dfad_tf.synthesis.objectives.generator_objective import ForwardPass, GeneratorObjective


@keras.saving.register_keras_serializable("dfad_tf")
class ContrastiveDiversity(GeneratorObjective):
    """The contrastive loss of two views of each image, against all other images.

    Features of two crops of an image should be nearer to each other than to those of the other
    images of the batch and of a bank of earlier batches. The features are centred by the mean of
    the batch and normalized. Unlike in the authors' code, no projection head is trained.

    Args:
        weight: Weight in the generator's objective.
        temperature: Temperature of the similarities, above 0.
        bank_size: Number of earlier images in the bank, at least 1.
        name: Key in the logs.

    Raises:
        ValueError: If a value is out of range.

    Reference:
        Fang et al., CMI, arXiv 2105.08584, Eq. 6 to 8.
    """

    needs_features = True
    needs_views = True

    def __init__(
        self,
        weight: float = 1.0,
        temperature: float = 0.1,
        bank_size: int = 4096,
        name: str = "contrastive_diversity",
    ) -> None:
        if temperature <= 0 or bank_size < 1:
            raise ValueError(
                "Expected `temperature` above 0 and `bank_size` of at least 1. Received: "
                f"temperature={temperature}, bank_size={bank_size}"
            )
        super().__init__(weight, name)
        self.temperature, self.bank_size = temperature, bank_size
        self._bank: tf.Variable | None = None
        self._stored: tf.Variable | None = None
        self._latest = 0

    def build(
        self,
        batch_norm: Sequence[tuple[keras.Variable, keras.Variable]] = (),
        feature_count: int = 0,
    ) -> None:
        self._bank = shared_variable(tf.zeros((self.bank_size, feature_count)))
        self._stored = shared_variable(tf.constant(0, tf.int64))

    @property
    def variables(self) -> list[tf.Variable]:
        return [v for v in (self._bank, self._stored) if v is not None]

    def call(self, forward: ForwardPass) -> tf.Tensor:
        if self._bank is None or self._stored is None:
            raise RuntimeError("Expected `build` to be called before `call`.")
        first, second = (_normalized(f) for f in (forward.teacher_features, forward.view_features))
        every = replicas.gathered(second)
        count = min(every.shape[0], self.bank_size)
        # The places of this batch hold it from the last step of its round: they do not count.
        places = tf.range(self.bank_size, dtype=tf.int64)
        offset = (places - self._stored) % self.bank_size
        old = tf.logical_and(places < self._stored, offset >= count)
        within = tf.matmul(first, every, transpose_b=True) / self.temperature
        earlier = tf.matmul(first, self._bank, transpose_b=True) / self.temperature
        earlier = tf.where(old[None], earlier, -1e9)
        own = replicas.own(tf.range(every.shape[0]))
        self._bank.scatter_update(
            tf.IndexedSlices(
                tf.stop_gradient(every[:count]),
                (self._stored + tf.range(count, dtype=tf.int64)) % self.bank_size,
            )
        )
        self._latest = count
        logits = tf.concat([within, earlier], 1)
        return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(own, logits))

    def end_batch(self) -> None:
        if self._stored is not None:
            self._stored.assign_add(self._latest)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "temperature": self.temperature,
            "bank_size": self.bank_size,
        }


def _normalized(features: tf.Tensor) -> tf.Tensor:
    """Return features of unit length around the mean of the batch, `(batch, features)`."""
    flat = tf.reshape(tf.cast(features, tf.float32), (features.shape[0], -1))
    centred = flat - replicas.mean(tf.reduce_mean(flat, 0, keepdims=True))
    return centred * tf.math.rsqrt(tf.reduce_sum(tf.square(centred), 1, keepdims=True) + 1e-6)
