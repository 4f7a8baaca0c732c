"""Discrepancies between the logits of the teacher and of the student, by name.

A discrepancy is a `keras.losses.Loss` that is called as `discrepancy(teacher_logits,
student_logits)`. It is Keras's loss of that name, except where Keras's form loses the
gradient of saturated rows.
"""

from __future__ import annotations

from typing import Any

import keras

from dfad_tf.losses.attention_transfer import AttentionTransfer
from dfad_tf.losses.feature_matching import FeatureMatching
from dfad_tf.losses.jensen_shannon_discrepancy import JensenShannonDiscrepancy
from dfad_tf.losses.kullback_leibler_discrepancy import KullbackLeiblerDiscrepancy
from dfad_tf.utils import names

__all__ = [
    "DISCREPANCIES",
    "AttentionTransfer",
    "FeatureMatching",
    "JensenShannonDiscrepancy",
    "WITH_TEMPERATURE",
    "KullbackLeiblerDiscrepancy",
    "get",
]

DISCREPANCIES: dict[str, type[keras.losses.Loss]] = {
    "mae": keras.losses.MeanAbsoluteError,
    "mse": keras.losses.MeanSquaredError,
    "huber": keras.losses.Huber,
    "kl": KullbackLeiblerDiscrepancy,
    "js": JensenShannonDiscrepancy,
}

WITH_TEMPERATURE = ("kl",)


def get(discrepancy: str | keras.losses.Loss, **arguments: Any) -> keras.losses.Loss:
    """Return a discrepancy from its name, or the given loss unchanged.

    Args:
        discrepancy: `"mae"` (that of the method), `"mse"`, `"huber"`, `"kl"`, `"js"`, or a loss.
        **arguments: Passed to the constructor of a named discrepancy.

    Returns:
        A `keras.losses.Loss` over logits of shape `(batch, classes)`.

    Raises:
        InputError: If the name is unknown.

    Example:

    >>> float(get("mae")(np.zeros((2, 3)), np.ones((2, 3))))
    1.0
    """
    if isinstance(discrepancy, keras.losses.Loss):
        return discrepancy
    return names.look_up(DISCREPANCIES, discrepancy, "`discrepancy`")(**arguments)
