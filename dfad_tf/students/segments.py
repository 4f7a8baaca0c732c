"""Which blocks of a teacher each block of a student stands for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from dfad_tf.students.block_choice import choose_blocks, spread_blocks
from dfad_tf.students.pairing import PairedRun, corresponding_layers
from dfad_tf.students.units import Chunks, Unit

_CHOICE_CHUNKS = 2  # by which subsets of blocks are compared; the fits use all images


class Segment(NamedTuple):
    """Units of the teacher in a row, and the one of the student in their place.

    Attributes:
        teacher: The units.
        student: The student's unit; None if it has none in this place.
        chosen: Which of the teacher's units is copied.
    """

    teacher: tuple[Unit, ...]
    student: Unit | None
    chosen: int = 0

    def copy(self, chosen: int | None = None) -> None:
        """Copy the weights of a unit of the teacher to the student's; None: of the chosen one."""
        if self.student is None:
            return
        source = self.teacher[self.chosen if chosen is None else chosen]
        for big, small in corresponding_layers(source, self.student) or ():
            small.set_weights(big.get_weights())


def divide_runs(runs: Sequence[PairedRun], maps: Chunks | None) -> list[Segment]:
    """Divide each run into segments, each of which ends before the next block that is kept.

    Args:
        runs: The runs of paired networks.
        maps: Chunks of the first unit's input, by which the blocks are chosen; None spreads them
            evenly, so that a group ends with its own last block.

    Returns:
        Segments from input to output.
    """
    segments = []
    for run in runs:
        count, kept = len(run.teacher), len(run.student)
        if not kept:
            segments.append(Segment(run.teacher, None))
        else:
            places = spread_blocks(count, kept)
            if maps is not None and kept < count:
                places = choose_blocks(run.teacher, kept, maps[:_CHOICE_CHUNKS])
            starts = [0, *places[1:], count]
            segments += [
                Segment(run.teacher[starts[i] : starts[i + 1]], small, places[i] - starts[i])
                for i, small in enumerate(run.student)
            ]
        if maps is not None:
            for unit in run.teacher:
                maps = unit.run(maps)
    return segments
