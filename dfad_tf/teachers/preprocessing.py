"""The preprocessing with which a teacher begins, read by probing its first steps."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from dfad_tf.graphs.layer_table import kind_of
from dfad_tf.graphs.steps import Step, StepList, list_steps, run_steps

_RELATIVE, _ABSOLUTE = 1e-3, 1e-5  # errors of the probes' answers, and of the largest answer
_LARGE, _SMALL = 255.0, 1.0  # of the probes; large ones determine the factors, beside any offset


@dataclass(frozen=True)
class Preprocessing:
    """What a teacher does with pixels before its first layer that extracts features.

    Attributes:
        scale: Factor of each channel of the images.
        offset: What is added to each channel afterwards; the order of the channels may change.
        found: Whether anything is done at all.
        steps: All steps of the teacher.
        tensor: Number of the tensor that the preprocessing returns.
    """

    scale: np.ndarray
    offset: np.ndarray
    found: bool
    steps: StepList
    tensor: int

    def next_step(self) -> Step | None:
        """Return the step behind the preprocessing; None where several read the same tensor."""
        readers = [step for step in self.steps.steps if self.tensor in step.inputs]
        return readers[0] if len(readers) == 1 else None


def read_preprocessing(teacher: keras.Model) -> Preprocessing:
    """Read the preprocessing of a teacher: layers and operations, also those in nested models.

    A step belongs to it if it returns, in inference mode, the same affine function of each pixel,
    alone or together with the steps of a branch. That is found by calling it on a few images, so
    that it does not matter whether a layer, an operator or a function of Keras does it. Layers that
    crop, pad or resize images, or augment them during training, are skipped.

    Args:
        teacher: A graph of layers from images `(height, width, channels)`.

    Example:

    >>> image = keras.Input((8, 8, 3))
    >>> inner = keras.layers.Flatten()(image / 127.5 - 1)
    >>> read_preprocessing(keras.Model(image, inner)).offset
    array([-1., -1., -1.])
    """
    listed, channels = list_steps(teacher), teacher.input_shape[-1]
    matrix, offset = np.eye(channels), np.zeros(channels)
    tensor, found = listed.input, False
    for segment in _segments(listed):
        layer = segment[-1].operation
        probed = None if any(map(_learns, segment)) else _probe(segment, tensor, channels)
        if probed is not None:
            factors, added = probed
            matrix, offset = factors @ matrix, factors @ offset + added
            found = found or not (np.allclose(factors, np.eye(channels)) and not added.any())
        elif len(segment) > 1 or not (kind_of(layer).keeps_pixel_values or _prepares(layer)):
            break
        tensor = segment[-1].outputs[0]
    # Each channel of the images reaches one channel behind the preprocessing.
    places = np.abs(matrix).argmax(0)
    scale, offset = matrix[places, np.arange(channels)], offset[places]
    return Preprocessing(scale, offset, found, listed, tensor)


def _segments(listed: StepList) -> Iterator[list[Step]]:
    """Divide the steps at each tensor that alone leads on, such as the one behind a branch."""
    segment: list[Step] = []
    known = {listed.input}
    for place, step in enumerate(listed.steps):
        segment.append(step)
        known |= set(step.outputs)
        later = {number for other in listed.steps[place + 1 :] for number in other.inputs}
        if known & (later | {listed.output}) == set(step.outputs):
            yield segment
            segment = []


def _learns(step: Step) -> bool:
    return step.has_weights and not _prepares(step.operation)


def _prepares(layer: Any) -> bool:
    return kind_of(layer).preprocessing


def _probe(segment: list[Step], source: int, channels: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the affine function of each pixel that steps compute together.

    Args:
        segment: The steps, from one tensor to one.
        source: Number of the tensor that they read.
        channels: Number of channels of the images.

    Returns:
        A matrix with one entry in each row and column, and an offset; None if the steps compute
        anything else.
    """
    shape = segment[0].input_shape
    sides = [side for side in shape if side is not None]
    if len(sides) < len(shape) or not (shape[-1] == channels or channels == 1):
        return None
    random = np.random.default_rng(0)
    rows = [np.zeros((math.prod(sides) // channels, channels))]
    rows += [np.broadcast_to(_LARGE * row, rows[0].shape) for row in np.eye(channels)]
    rows += [size * random.uniform(-1, 1, rows[0].shape) for size in (_SMALL, _LARGE)]
    inputs = np.stack(rows).astype(np.float32)
    try:
        end = segment[-1].outputs[0]
        images = keras.ops.convert_to_tensor(inputs.reshape(-1, *sides))
        answers = keras.ops.convert_to_numpy(run_steps(segment, {source: images}, [end])[end])
    except Exception:  # whatever a step does not accept, it is not preprocessing
        return None
    if answers.size != inputs.size or answers.shape[0] != len(inputs):
        return None
    if answers.shape[1:] != tuple(shape) and channels > 1:
        return None
    answers = answers.reshape(inputs.shape).astype(float)
    offset = answers[0].mean(0)
    matrix = (answers[1 : 1 + channels].mean(1).T - offset[:, None]) / _LARGE
    error = _ABSOLUTE * np.abs(answers).max()
    same = np.allclose(answers, inputs @ matrix.T + offset, _RELATIVE, error)
    if not same or not _is_permutation(matrix):
        return None
    return matrix, offset


def _is_permutation(matrix: np.ndarray) -> bool:
    """Return whether a matrix has one entry in each row and column, up to rounding."""
    entries = np.abs(matrix) > 1e-4 * np.abs(matrix).max()
    return bool((entries.sum(0) == 1).all() and (entries.sum(1) == 1).all())
