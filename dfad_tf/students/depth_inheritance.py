"""Initialize a student with blocks of a deeper teacher, without data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from dfad_tf.students.block_choice import choose_blocks, spread_blocks
from dfad_tf.students.block_merging import find_joint, run_to_joint, solve_last_convolution
from dfad_tf.students.input_forms import can_fold, compare_inputs, fold_input_map
from dfad_tf.students.pairing import (
    NotPairedError,
    PairedRun,
    corresponding_layers,
    pair_units,
)
from dfad_tf.students.units import Chunks, ParsedNetwork, Unit, parse_network
from dfad_tf.utils.errors import InputError

CHOICES = ("measured", "spread")
_CHUNK = 128  # images
_CHOICE_CHUNKS = 2  # that blocks are chosen by; the fits use all
_MAX_PIXELS = 2**19  # of all images: 512 of 32×32


@dataclass(frozen=True)
class DepthSettings:
    """How a student inherits the blocks of a deeper teacher.

    Attributes:
        choice: `"measured"` keeps the blocks that alone come closest to the output of all of
            them; `"spread"` keeps blocks at equal distances.
        merge: Whether each block of the student also takes up the effect of the blocks that
            it replaces: its last convolution is solved for by regression.
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


def inherit_blocks(
    teacher: keras.Model,
    student: keras.Model,
    images: np.ndarray,
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
        images: `(n, height, width, channels)` in the input range of both networks. As many are
            used as have 2**19 pixels together, and at least 16.
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
    height, width = images.shape[1:3]
    count = max(16, _MAX_PIXELS // (height * width))
    some = np.asarray(images[:count], np.float32)
    chunks = [tf.constant(some[i : i + _CHUNK]) for i in range(0, len(some), _CHUNK)]
    input_map, big_maps, small_maps = compare_inputs(big.preprocessing, small.preprocessing, chunks)
    if not can_fold(small.units, input_map):
        raise NotPairedError("the student prepares pixels in another form than the teacher")
    segments = _choose(runs, big_maps, settings.choice)
    for segment in segments:
        _copy(segment)
    fold_input_map(small.units, input_map)
    count = f"{len(small.blocks)} of the teacher's {len(big.blocks)} blocks"
    if all(len(segment.teacher) == 1 for segment in segments):
        return "all of the teacher's blocks"
    if not settings.merge:
        return f"{count}"
    merged = _merge(segments, big_maps, small_maps, settings)
    return f"{count}, fitted to what they replace" if merged else count


class _Segment(NamedTuple):
    """Units of the teacher in a row, and the one of the student in their place.

    Attributes:
        teacher: The units.
        student: The student's unit; None if it has none in this place.
        chosen: Which of the teacher's units is copied.
    """

    teacher: tuple[Unit, ...]
    student: Unit | None
    chosen: int = 0


def _choose(runs: Sequence[PairedRun], maps: Chunks, choice: str) -> list[_Segment]:
    """Divide the runs into segments, each around the block that is copied."""
    segments = []
    for run in runs:
        count, kept = len(run.teacher), len(run.student)
        if not kept:
            segments.append(_Segment(run.teacher, None))
        elif kept == count:
            pairs = zip(run.teacher, run.student, strict=True)
            segments += [_Segment((big,), small) for big, small in pairs]
        else:
            measured = choice == "measured"
            places = choose_blocks(run.teacher, kept, maps[:_CHOICE_CHUNKS]) if measured else None
            places = places or spread_blocks(count, kept)
            # A block takes up those behind it, and the first one also those before it.
            starts = [0, *places[1:], count]
            for small, place, start, stop in zip(
                run.student, places, starts[:-1], starts[1:], strict=True
            ):
                segments.append(_Segment(run.teacher[start:stop], small, place - start))
        for unit in run.teacher:
            maps = unit.run(maps)
    return segments


def _copy(segment: _Segment) -> None:
    if segment.student is not None:
        pairs = corresponding_layers(segment.teacher[segment.chosen], segment.student)
        for big, small in pairs or ():
            small.set_weights(big.get_weights())


def _merge(
    segments: Sequence[_Segment], big_maps: Chunks, small_maps: Chunks, settings: DepthSettings
) -> int:
    """Fit the blocks from the first that replaces others; return how many of them are fitted."""
    differs, count = False, 0
    for segment in segments:
        *before, last = segment.teacher
        for unit in before:
            big_maps = unit.run(big_maps)
        differs = differs or bool(before) or segment.student is None
        target = find_joint(last)
        own = find_joint(segment.student) if segment.student is not None else None
        if target is None:
            big_maps = last.run(big_maps)
        else:
            sums, big_maps = run_to_joint(last, target, big_maps)
        if segment.student is None:
            continue
        if differs and target is not None and own is not None:
            solve_last_convolution(
                segment.student, own, small_maps, sums, settings.ridge, settings.statistics
            )
            count += 1
        small_maps = segment.student.run(small_maps)
    return count


def _check_own_layers(student: ParsedNetwork) -> None:
    """Check that no layer of the student stands in two places, for which weights would differ."""
    layers = [layer for unit in student.units for layer in unit.signature.layers]
    if len({id(layer) for layer in layers}) < len(layers):
        raise NotPairedError("the student calls a layer several times")
