"""Adam on tensors in the place of variables, for searches that start again and again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

_EPSILON = 1e-8


class AdamMoments(NamedTuple):
    """Running moments of the gradients of each tensor.

    Attributes:
        first: Means.
        second: Means of the squares.
    """

    first: list[tf.Tensor]
    second: list[tf.Tensor]


def no_moments(values: Sequence[tf.Tensor]) -> AdamMoments:
    """Return the moments before the first step.

    Args:
        values: The tensors that are optimized.
    """
    return AdamMoments([tf.zeros_like(v) for v in values], [tf.zeros_like(v) for v in values])


def adam_step(
    values: Sequence[tf.Tensor],
    gradients: Sequence[tf.Tensor],
    moments: AdamMoments,
    step: tf.Tensor,
    learning_rate: float | tf.Tensor,
    beta_1: float = 0.5,
    beta_2: float = 0.999,
) -> tuple[list[tf.Tensor], AdamMoments]:
    """Take one step of Adam.

    Args:
        values: The tensors that are optimized, float32.
        gradients: A gradient for each of them.
        moments: The moments before the step.
        step: Number of earlier steps, a scalar integer.
        learning_rate: Step size.
        beta_1: Decay rate of the means, in [0, 1).
        beta_2: Decay rate of the means of the squares, in [0, 1).

    Returns:
        The new values and moments. The arguments are unchanged.

    Example:

    >>> values = [tf.constant([1.0, -2.0])]
    >>> values, _ = adam_step(values, values, no_moments(values), tf.constant(0), 0.1)
    >>> [round(float(value), 3) for value in values[0]]
    [0.9, -1.9]

    Reference:
        Kingma and Ba, arXiv 1412.6980, algorithm 1.
    """
    count = tf.cast(step, tf.float32) + 1
    first = [beta_1 * m + (1 - beta_1) * g for m, g in zip(moments.first, gradients, strict=True)]
    second = [
        beta_2 * v + (1 - beta_2) * tf.square(g)
        for v, g in zip(moments.second, gradients, strict=True)
    ]
    corrections = 1 - tf.pow(beta_1, count), 1 - tf.pow(beta_2, count)
    moved = [
        value - learning_rate * (m / corrections[0]) / (tf.sqrt(v / corrections[1]) + _EPSILON)
        for value, m, v in zip(values, first, second, strict=True)
    ]
    return moved, AdamMoments(first, second)
