"""The difference between the forms of input of a teacher and a student, folded into a layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from dfad_tf.students.pairing import NotPairedError
from dfad_tf.students.units import Chunks, Unit

_TOLERANCE = 1e-3  # relative to the standard deviation of the values


class InputMap(NamedTuple):
    """What turns the student's prepared pixels into the teacher's.

    Attributes:
        scale: A factor for each channel.
        offset: What is added afterwards, for each channel.
    """

    scale: np.ndarray
    offset: np.ndarray

    @property
    def changes_nothing(self) -> bool:
        """Whether both networks prepare pixels alike."""
        return bool(
            np.allclose(self.scale, 1.0, atol=1e-5) and np.allclose(self.offset, 0.0, atol=1e-5)
        )


def compare_inputs(
    teacher: Sequence[Unit], student: Sequence[Unit], images: Chunks
) -> tuple[InputMap, Chunks, Chunks]:
    """Prepare images as both networks do, and return the linear map between the results.

    Args:
        teacher: The units of the teacher that prepare pixels.
        student: Those of the student.
        images: Chunks `(n, height, width, channels)`.

    Returns:
        The map, the images as the teacher prepares them, and as the student does.

    Raises:
        NotPairedError: If no factor and offset of each channel turn one into the other.
    """
    big = small = images
    for unit in teacher:
        big = unit.run(big)
    for unit in student:
        small = unit.run(small)
    if big[0].shape != small[0].shape:
        raise NotPairedError("the student prepares pixels in another form than the teacher")
    x, y = (_rows(maps) for maps in (small, big))
    scale = ((x - x.mean(0)) * (y - y.mean(0))).mean(0) / np.maximum(x.var(0), 1e-12)
    offset = y.mean(0) - scale * x.mean(0)
    gap = np.abs(x * scale + offset - y).max(0)
    if (gap > _TOLERANCE * np.maximum(y.std(0), 1e-6)).any() or not scale.all():
        raise NotPairedError("the student prepares pixels in another form than the teacher")
    return InputMap(scale, offset), big, small


def fold_input_map(units: Sequence[Unit], input_map: InputMap) -> None:
    """Change the first convolution so that it reads the student's pixels like the teacher's.

    The factor is exact. The offset is exact where the convolution does not see its border, which
    is filled with zeros of the student's form.

    Args:
        units: The student's units behind those that prepare pixels, with the teacher's weights.
        input_map: The difference of the forms.

    Raises:
        NotPairedError: If the first layer with weights is no convolution, or nothing can hold
            the offset.
    """
    if input_map.changes_nothing:
        return
    first, second = _first_layers(units)
    if not can_fold(units, input_map):
        raise NotPairedError("the student prepares pixels in another form than the teacher")
    weights = [np.asarray(weight) for weight in first.get_weights()]
    added = np.einsum("hwio,i->o", weights[0], input_map.offset)
    weights[0] = weights[0] * input_map.scale[:, None]
    if first.use_bias:
        weights[1] = weights[1] + added
    elif isinstance(second, keras.layers.BatchNormalization):
        second.moving_mean.assign(np.asarray(second.moving_mean) - added)
    first.set_weights(weights)


def can_fold(units: Sequence[Unit], input_map: InputMap) -> bool:
    """Return whether the first layer with weights can take up a difference of the forms."""
    if input_map.changes_nothing:
        return True
    first, second = _first_layers(units)
    if type(first) is not keras.layers.Conv2D or first.groups != 1:
        return False
    holds = first.use_bias or isinstance(second, keras.layers.BatchNormalization)
    return holds or bool(np.allclose(input_map.offset, 0.0, atol=1e-5))


def _first_layers(units: Sequence[Unit]) -> tuple[keras.layers.Layer, keras.layers.Layer | None]:
    """Return the first layer with weights before any block, and the operation behind it."""
    for place, unit in enumerate(units):
        if unit.is_block:
            break
        if unit.steps[0].has_weights:
            following = [unit.steps[0].operation for unit in units[place + 1 :][:1]]
            return unit.steps[0].operation, following[0] if following else None
    return None, None


def _rows(maps: Chunks) -> np.ndarray:
    rows = [tf.reshape(chunk, (-1, chunk.shape[-1])).numpy() for chunk in maps]
    return np.concatenate(rows).astype(np.float64)
