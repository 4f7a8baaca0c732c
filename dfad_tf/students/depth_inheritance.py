"""Initialize a student with blocks of a deeper teacher, without data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from dfad_tf.students.block_choice import relative_error
from dfad_tf.students.block_merging import (
    Joint,
    find_joint,
    run_to_joint,
    solve_last_convolution,
)
from dfad_tf.students.input_forms import can_fold, compare_inputs, fold_input_map
from dfad_tf.students.pairing import NotPairedError, pair_units
from dfad_tf.students.segments import Segment, divide_runs
from dfad_tf.students.units import Chunks, ParsedNetwork, parse_network
from dfad_tf.utils.errors import InputError

CHOICES = ("measured", "spread")
_CHUNK = 128  # images
_MAX_PIXELS, _MIN_IMAGES = 2**19, 16  # of all images: 512 of 32×32


@dataclass(frozen=True)
class DepthSettings:
    """How a student inherits the blocks of a deeper teacher.

    Attributes:
        choice: Which blocks are copied. `"measured"`: with `merge`, the block of each segment
            whose fit comes closest to the segment's outputs; without, the blocks that alone come
            closest to the output of the whole run. `"spread"`: blocks at equal distances.
        merge: Whether each run is divided into segments, one for each block of the student, and
            the last convolution of this block is solved for by regression, so that it computes
            what the segment does.
        ridge: Weight of the distance from the teacher's kernel in this regression, relative to
            the mean squared activation.
        statistics: Whether the batch normalizations of a merged block get the statistics of the
            images.

    Raises:
        InputError: If `choice` is unknown or `ridge` is negative.
    """

    choice: str = "measured"
    merge: bool = True
    ridge: float = 1e-3
    statistics: bool = False

    def __post_init__(self) -> None:
        if self.choice not in CHOICES:
            raise InputError(f"Expected `choice` to be one of {CHOICES}. Received: {self.choice!r}")
        if self.ridge < 0:
            raise InputError(f"Expected `ridge` to be 0 or more. Received: {self.ridge}")


def image_count(height: int, width: int) -> int:
    """Return the number of images of a size that `inherit_blocks` uses.

    Args:
        height: Pixels from top to bottom.
        width: Pixels from left to right.

    Example:

    >>> image_count(32, 32)
    512
    """
    return max(_MIN_IMAGES, _MAX_PIXELS // (height * width))


def inherit_blocks(
    teacher: keras.Model,
    student: keras.Model,
    images: np.ndarray | Callable[[], np.ndarray],
    settings: DepthSettings | None = None,
) -> str:
    """Set the weights of a shallower student from a teacher with the same kinds of blocks.

    The layers outside residual blocks and the blocks that change the shape are copied. Of equal
    blocks in a row, some are chosen and copied, and each may take up the effect of those that it
    replaces. A student with all blocks computes the same function as the teacher.

    Args:
        teacher: A network with residual blocks.
        student: A network of the same units in the same order, without some of the blocks that
            keep the shape. Its weights are changed in place.
        images: `(n, height, width, channels)` in the input range of both networks, of which
            `image_count` are used; or a function that returns them, which is called only if the
            networks pair.
        settings: How blocks are chosen and merged; None for the defaults.

    Returns:
        How the student is initialized, in words.

    Raises:
        NotPairedError: If the networks do not pair; the student is then unchanged.
        InputError: If one of the networks is not a graph with one input and one output.

    Reference:
        Blocks that are left out: Veit, Wilber and Belongie, arXiv 1605.06431.
    """
    settings = settings or DepthSettings()
    big, small = parse_network(teacher), parse_network(student)
    runs = pair_units(big, small)
    _check_own_layers(small)
    given = images() if callable(images) else images
    some = np.asarray(given[: image_count(*given.shape[1:3])], np.float32)
    chunks = [tf.constant(some[i : i + _CHUNK]) for i in range(0, len(some), _CHUNK)]
    input_map, big_maps, small_maps = compare_inputs(big.preprocessing, small.preprocessing, chunks)
    if not can_fold(small.units, input_map):
        raise NotPairedError("the student prepares pixels in another form than the teacher")
    by_deletion = settings.choice == "measured" and not settings.merge
    segments = divide_runs(runs, big_maps if by_deletion else None)
    for segment in segments:
        segment.copy()
    fold_input_map(small.units, input_map)
    if all(len(segment.teacher) == 1 for segment in segments):
        return "all of the teacher's blocks"
    how = f"{len(small.blocks)} of the teacher's {len(big.blocks)} blocks"
    if settings.merge and _merge(segments, big_maps, small_maps, settings):
        how += ", fitted to what they replace"
    return how


def _merge(
    segments: Sequence[Segment], big_maps: Chunks, small_maps: Chunks, settings: DepthSettings
) -> bool:
    """Fit all blocks from the first that replaces others; return whether there are any.

    Blocks behind it are fitted too, although they replace one block only: what they read is no
    longer what the teacher's block reads.
    """
    differs = fitted = False
    for segment in segments:
        *before, last = segment.teacher
        for unit in before:
            big_maps = unit.run(big_maps)
        differs = differs or bool(before) or segment.student is None
        target = find_joint(last)
        own = find_joint(segment.student) if segment.student is not None else None
        if target is None or own is None or not differs:
            big_maps = last.run(big_maps)
        else:
            sums, big_maps = run_to_joint(last, target, big_maps)
            _fit(segment, own, small_maps, sums, big_maps, settings)
            fitted = True
        if segment.student is not None:
            small_maps = segment.student.run(small_maps)
    return fitted


def _fit(
    segment: Segment,
    joint: Joint,
    inputs: Chunks,
    sums: Chunks,
    outputs: Chunks,
    settings: DepthSettings,
) -> None:
    """Copy and fit the block of a segment that comes closest to the segment's outputs."""
    student = segment.student
    if student is None:
        return
    layers = student.signature.layers
    places = range(len(segment.teacher)) if settings.choice == "measured" else [segment.chosen]
    best, weights = np.inf, [layer.get_weights() for layer in layers]
    for place in places:
        segment.copy(place)
        solve_last_convolution(student, joint, inputs, sums, settings.ridge, settings.statistics)
        error = relative_error(student.run(inputs), outputs)
        if error < best:
            best, weights = error, [layer.get_weights() for layer in layers]
    for layer, values in zip(layers, weights, strict=True):
        layer.set_weights(values)


def _check_own_layers(student: ParsedNetwork) -> None:
    """Check that no layer of the student stands in two places, for which weights would differ."""
    layers = [layer for unit in student.units for layer in unit.signature.layers]
    if len({id(layer) for layer in layers}) < len(layers):
        raise NotPairedError("the student calls a layer several times")
