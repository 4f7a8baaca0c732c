"""Jensen–Shannon divergence of two predictions, from logits."""

from __future__ import annotations

import math

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("dfad_tf")
class JensenShannonDiscrepancy(keras.losses.Loss):
    """Symmetric and bounded divergence between the predictions of teacher and student.

    This is the mean of the KL divergences of both predictions from their average, between 0 and
    log 2.

    Args:
        reduction: Keras's reduction over the batch.
        name: Name of the loss.

    Example:

    >>> JensenShannonDiscrepancy()(teacher_logits, student_logits)

    Reference:
        Used as the discrepancy in Yin et al., "Dreaming to Distill", arXiv 1912.08795, Eq. 7.
    """

    def __init__(
        self,
        reduction: str = "sum_over_batch_size",
        name: str = "jensen_shannon_discrepancy",
    ) -> None:
        super().__init__(name=name, reduction=reduction)

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        teacher = keras.ops.log_softmax(y_true, axis=-1)
        student = keras.ops.log_softmax(y_pred, axis=-1)
        middle = keras.ops.logaddexp(teacher, student) - math.log(2.0)
        both = keras.ops.exp(teacher) * (teacher - middle)
        both += keras.ops.exp(student) * (student - middle)
        return 0.5 * keras.ops.sum(both, axis=-1)
