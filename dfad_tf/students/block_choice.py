"""Choose which blocks of a teacher a shallower student keeps."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from dfad_tf.students.units import Chunks, Unit

_MAX_RUNS = 200  # of a block, in a search over all subsets


def spread_blocks(count: int, kept: int) -> tuple[int, ...]:
    """Return which of some blocks in a row are kept if they are spread evenly.

    Args:
        count: Number of blocks.
        kept: Number of those that are kept.

    Returns:
        Their places in ascending order, the first and the last block among them if there are
        at least two.

    Example:

    >>> spread_blocks(9, 3)
    (0, 4, 8)
    """
    if kept == 1:
        return (count // 2,)
    return tuple(round(i * (count - 1) / (kept - 1)) for i in range(kept))


def choose_blocks(blocks: Sequence[Unit], kept: int, inputs: Chunks) -> tuple[int, ...]:
    """Return the blocks of a row that alone come closest to what all of them compute.

    The measure is the squared difference of the outputs relative to the squared output. All
    subsets are compared where this takes at most some hundred runs of a block. Otherwise, the
    block whose absence changes the output least is left out, again and again. Of equally good
    subsets, the one that is spread most evenly is chosen.

    Args:
        blocks: Blocks in a row that keep the shape of their input.
        kept: Number of blocks to keep.
        inputs: Chunks `(n, height, width, channels)` of the first block's input.

    Returns:
        Their places in ascending order.

    Reference:
        Effects of single blocks: Veit, Wilber and Belongie, arXiv 1605.06431.
    """
    count = len(blocks)
    if kept == count:
        return tuple(range(count))
    outputs = inputs
    for block in blocks:
        outputs = block.run(outputs)
    even = spread_blocks(count, kept)

    def order(found: tuple[float, tuple[int, ...]]) -> tuple[float, int]:
        distance = sum(abs(i - j) for i, j in zip(found[1], even, strict=True))
        return round(found[0], 6), distance

    if sum(math.comb(count, size) for size in range(1, kept + 1)) <= _MAX_RUNS:
        return min(_all_subsets(blocks, kept, inputs, outputs, ()), key=order)[1]
    places = tuple(range(count))
    while len(places) > kept:
        found = []
        maps = inputs  # of the blocks before the one that is left out
        for position, place in enumerate(places):
            rest = places[:position] + places[position + 1 :]
            found.append((_error([blocks[i] for i in rest[position:]], maps, outputs), rest))
            maps = blocks[place].run(maps)
        worst = max(error for error, _ in found)
        best = min(error for error, _ in found)
        # Where no block has an effect, the most even choice is among the rests of the most even.
        places = even if worst - best < 1e-6 * max(1.0, best) else min(found)[1]
    return places


def _all_subsets(
    blocks: Sequence[Unit],
    kept: int,
    maps: Chunks,
    outputs: Chunks,
    places: tuple[int, ...],
) -> list[tuple[float, tuple[int, ...]]]:
    """Return the error of every subset that continues `places`, whose output is `maps`."""
    if len(places) == kept:
        return [(relative_error(maps, outputs), places)]
    start = places[-1] + 1 if places else 0
    stop = len(blocks) - (kept - len(places)) + 1
    found = []
    for place in range(start, stop):
        found += _all_subsets(blocks, kept, blocks[place].run(maps), outputs, (*places, place))
    return found


def _error(blocks: Sequence[Unit], maps: Chunks, outputs: Chunks) -> float:
    for block in blocks:
        maps = block.run(maps)
    return relative_error(maps, outputs)


def relative_error(received: Chunks, expected: Chunks) -> float:
    """Return the squared difference relative to the squared expected values."""
    pairs = list(zip(received, expected, strict=True))
    difference = sum(float(tf.reduce_sum(tf.square(a - b))) for a, b in pairs)
    size = sum(float(tf.reduce_sum(tf.square(b))) for _, b in pairs)
    return difference / max(size, float(np.finfo(np.float32).tiny))
