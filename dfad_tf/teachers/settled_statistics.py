"""Correct moving statistics of batch normalization that still contain their initial values.

A moving variance begins at 1. After n training steps at momentum m, a share k = mⁿ of this 1 is
left in every channel: 0.0013 after 660 steps at Keras's 0.99. That is much for the channels of a
first layer that vary by 0.001, and its error goes through all layers behind it.

The share can be read off the first layer. What a convolution of images varies by is linear in the
power spectrum of the images, which is nowhere negative: variance = Σ_f power(f)·|response(f)|² + k,
with the same k in each channel. The equations of all channels bound k from below and from above.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import keras
import numpy as np

from dfad_tf.compute.keras_internals import all_layers
from dfad_tf.graphs.layer_graph import is_graph
from dfad_tf.teachers.preprocessing import read_preprocessing

_FREQUENCIES = 8  # between 0 and the highest, in each direction
_COLOR_DIRECTIONS = 8  # besides those of the single channels and of gray
_LARGEST_ERROR = 0.02  # of the equations, relative to the moving variances
_TOLERANCE = 0.003  # the weights changed while the moving averages were taken
_NARROW = 0.5  # the lower bound, at least, relative to the upper one
_NOTICEABLE = 0.01  # of the smallest moving variance


@dataclass(frozen=True)
class InitialShare:
    """What the initial values still contribute to a teacher's moving statistics.

    Attributes:
        share: Their share k, in (0, 1).
        steps: The number of training steps n that follows from it.
    """

    share: float
    steps: int


def settle_statistics(teacher: keras.Model) -> InitialShare | None:
    """Remove the initial values from the moving statistics, where their share is certain.

    Args:
        teacher: A classifier of images; its batch normalizations are changed in place.

    Returns:
        The share that was removed, of the first layer; None where nothing was changed.

    Example:

    >>> settle_statistics(teacher) is None  # it has no batch normalization
    True
    """
    found = initial_share(teacher)
    if found is None:
        return None
    for layer in all_layers(teacher):
        if isinstance(layer, keras.layers.BatchNormalization):
            share = layer.momentum**found.steps
            variance = keras.ops.convert_to_numpy(layer.moving_variance)
            # A channel that does not vary has the share alone.
            rest = np.maximum(variance - share, _NOTICEABLE * variance) / (1 - share)
            layer.moving_variance.assign(rest)
            layer.moving_mean.assign(keras.ops.convert_to_numpy(layer.moving_mean) / (1 - share))
    return found


def initial_share(teacher: keras.Model) -> InitialShare | None:
    """Estimate the share of the initial values in a teacher's moving statistics.

    Args:
        teacher: A classifier of images `(height, width, channels)`.

    Returns:
        None where the teacher does not begin with a convolution and a batch normalization, where
        the share is negligible, or where the variances do not determine it.
    """
    first = _first_convolution(teacher)
    if first is None:
        return None
    kernel, norm = first
    variance = keras.ops.convert_to_numpy(norm.moving_variance).astype(float)
    if not (variance > 0).all() or not 0 < norm.momentum < 1:
        return None
    bounds = _bounds(_responses(kernel), variance)
    if bounds is None or bounds[0] < _NARROW * bounds[1]:
        return None
    share = sum(bounds) / 2
    if not _NOTICEABLE * variance.min() < share < 1:
        return None
    return InitialShare(share, max(1, round(math.log(share) / math.log(norm.momentum))))


def _first_convolution(
    teacher: keras.Model,
) -> tuple[np.ndarray, keras.layers.BatchNormalization] | None:
    """Return the kernel of the convolution that sees the images, and what normalizes its output."""
    if not is_graph(teacher):  # a SavedModel
        return None
    read = read_preprocessing(teacher)
    first = read.next_step()
    if first is None or type(first.operation) is not keras.layers.Conv2D:
        return None
    layer = first.operation
    readers = [step for step in read.steps.steps if first.outputs[0] in step.inputs]
    norm = readers[0].operation if len(readers) == 1 else None
    is_linear = layer.activation is keras.activations.linear
    if layer.groups != 1 or not is_linear or not isinstance(norm, keras.layers.BatchNormalization):
        return None
    return keras.ops.convert_to_numpy(layer.kernel).astype(float), norm


def _responses(kernel: np.ndarray) -> np.ndarray:
    """Return by how much each filter varies for a wave of each frequency, direction and color.

    Args:
        kernel: `(height, width, channels, filters)`.

    Returns:
        `(filters, waves)`.
    """
    height, width, channels, _ = kernel.shape
    steps = np.arange(_FREQUENCIES + 1) / _FREQUENCIES * np.pi
    rows = np.exp(1j * np.outer(np.concatenate([-steps[1:-1], steps]), np.arange(height)))
    columns = np.exp(1j * np.outer(steps, np.arange(width)))
    colors = np.eye(channels)
    if channels > 1:
        others = np.random.default_rng(0).normal(size=(_COLOR_DIRECTIONS, channels))
        colors = np.concatenate([colors, np.ones((1, channels)), others])
        colors /= np.linalg.norm(colors, axis=1, keepdims=True)
    answers = np.einsum("fa,gb,dc,abco->ofgd", rows, columns, colors, kernel, optimize=True)
    return np.abs(answers).reshape(len(answers), -1) ** 2


def _bounds(responses: np.ndarray, variance: np.ndarray) -> tuple[float, float] | None:
    """Return the smallest and the largest share that explain the variances of all channels.

    Args:
        responses: `(filters, waves)`.
        variance: `(filters,)`, the moving variances.

    Returns:
        None where no spectrum explains them.
    """
    from scipy.optimize import linprog

    terms = np.concatenate([responses, np.ones((len(variance), 1))], axis=1) / variance[:, None]
    ones = np.ones((len(variance), 1))
    # Unknown are the power of each wave, the share, and the largest error of a channel.
    below, above = np.concatenate([terms, -ones], axis=1), np.concatenate([-terms, -ones], axis=1)
    conditions = np.concatenate([below, above])
    limits = np.concatenate([np.ones(len(variance)), -np.ones(len(variance))])
    cost = np.zeros(conditions.shape[1])

    def solve(position: int, sign: float, error: float) -> float | None:
        weights = cost.copy()
        weights[position] = sign
        ranges = [(0.0, None)] * (len(cost) - 1) + [(0.0, error)]
        solution = linprog(weights, conditions, limits, bounds=ranges, method="highs")
        return float(solution.x[position]) if solution.status == 0 else None

    error = solve(-1, 1.0, _LARGEST_ERROR)
    if error is None:
        return None
    lower, upper = (solve(-2, sign, error + _TOLERANCE) for sign in (1.0, -1.0))
    return None if lower is None or upper is None else (lower, upper)
