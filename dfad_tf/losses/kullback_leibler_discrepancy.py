"""Kullback–Leibler divergence of softened predictions, from logits."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("dfad_tf")
class KullbackLeiblerDiscrepancy(keras.losses.Loss):
    """Divergence of the student's softened predictions from the teacher's.

    `temperature² · KL(softmax(teacher / temperature) ‖ softmax(student / temperature))`,
    summed over classes and averaged over the batch. `keras.losses.KLDivergence`
    clips probabilities, so a saturated row has no gradient. This form uses
    log-probabilities and keeps the gradient.

    Args:
        temperature: Temperature that softens the predictions, above 0.
        reduction: Keras's reduction over the batch.
        name: Name of the loss.

    Example:

    >>> loss = KullbackLeiblerDiscrepancy(temperature=4.0)
    >>> loss(teacher_logits, student_logits)

    Reference:
        Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network",
        arXiv 1503.02531, section 2.
    """

    def __init__(
        self,
        temperature: float = 1.0,
        reduction: str = "sum_over_batch_size",
        name: str = "kullback_leibler_discrepancy",
    ) -> None:
        if temperature <= 0:
            raise ValueError(
                f"Expected `temperature` to be above 0. Received: temperature={temperature}"
            )
        super().__init__(name=name, reduction=reduction)
        self.temperature = temperature

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        teacher = keras.ops.log_softmax(y_true / self.temperature, axis=-1)
        student = keras.ops.log_softmax(y_pred / self.temperature, axis=-1)
        divergence = keras.ops.sum(keras.ops.exp(teacher) * (teacher - student), axis=-1)
        return divergence * self.temperature**2

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "temperature": self.temperature}
