"""Pair the units of a student with those of a deeper teacher."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import keras

from dfad_tf.students.units import ParsedNetwork, Unit


class NotPairedError(Exception):
    """The networks do not pair. The message is the reason, as half a sentence."""


@dataclass(frozen=True)
class PairedRun:
    """Equal units in a row of the teacher, and those of the student in their place.

    Attributes:
        teacher: Units of the teacher.
        student: As many units of the student, or fewer. None of them where the student leaves
            out the whole run.
    """

    teacher: tuple[Unit, ...]
    student: tuple[Unit, ...]


def pair_units(teacher: ParsedNetwork, student: ParsedNetwork) -> list[PairedRun]:
    """Pair the student's sequence of units with a part of the teacher's.

    All layers outside residual blocks and all blocks that change the shape pair one to one. Of
    equal blocks in a row, the student may have fewer than the teacher.

    Args:
        teacher: The teacher.
        student: The student.

    Returns:
        Runs from input to output. They hold each unit of both networks once.

    Raises:
        NotPairedError: If the student's units are not a part of the teacher's.

    Example:

    >>> from dfad_tf.students.units import parse_network
    >>> deep = parse_network(models.build("resnet56", (8, 8, 3), 10))
    >>> shallow = parse_network(models.build("resnet20", (8, 8, 3), 10))
    >>> runs = pair_units(deep, shallow)
    >>> [len(run.student) for run in runs if run.teacher[0].is_block]
    [3, 1, 2, 1, 2]
    """
    if not student.blocks or not teacher.blocks:
        raise NotPairedError("only one of the networks has residual blocks")
    runs, waiting = [], _runs(student)
    for units in _runs(teacher):
        partner = waiting[0] if waiting else []
        if _fits(units, partner):
            runs.append(PairedRun(tuple(units), tuple(partner)))
            waiting.pop(0)
        elif units[0].can_be_left_out:
            runs.append(PairedRun(tuple(units), ()))
        else:
            raise NotPairedError(_reason(units[0], partner, teacher, student))
    if waiting:
        raise NotPairedError(_reason(None, waiting[0], teacher, student))
    return runs


def corresponding_layers(
    teacher: Unit, student: Unit
) -> list[tuple[keras.layers.Layer, keras.layers.Layer]] | None:
    """Return the layers with weights that correspond to each other; None if the units differ."""
    for first, second in (
        (teacher.signature, student.signature),
        (teacher.signature_by_effect, student.signature_by_effect),
    ):
        if first.key == second.key:
            return list(zip(first.layers, second.layers, strict=True))
    return None


def _runs(network: ParsedNetwork) -> list[list[Unit]]:
    groups = groupby(network.units, key=lambda unit: (unit.signature.key, unit.is_block))
    return [list(units) for _, units in groups]


def _fits(units: Sequence[Unit], partner: Sequence[Unit]) -> bool:
    """Return whether a run of the student may stand in the place of one of the teacher."""
    if not partner or corresponding_layers(units[0], partner[0]) is None:
        return False
    fewer = len(partner) <= len(units) and units[0].can_be_left_out
    return fewer or len(partner) == len(units)


def _reason(
    expected: Unit | None,
    received: Sequence[Unit],
    teacher: ParsedNetwork,
    student: ParsedNetwork,
) -> str:
    """Say why networks do not pair, in the words that follow `random weights`."""
    kinds = {unit.signature_by_effect.kinds for unit in teacher.blocks}
    keys = {unit.signature_by_effect.key for unit in teacher.blocks}
    own = [unit.signature_by_effect for unit in student.blocks]
    if any(signature.kinds not in kinds for signature in own):
        return "the student's blocks have other layers than the teacher's"
    if any(signature.key not in keys for signature in own):
        # The same types of layers, but other filters, resolutions or settings.
        wide = {unit.output_shape[-1] for unit in teacher.blocks}
        if any(unit.output_shape[-1] not in wide for unit in student.blocks):
            return "the student's blocks have other widths than the teacher's"
        return "the student's blocks have other widths or settings than the teacher's"
    if expected is not None and expected.is_head and received and received[0].is_head:
        return "the student's last layer differs from the teacher's"
    first = expected is not None and expected is teacher.units[0]
    if first or (received and received[0] is student.units[0]):
        return "the student's first layers differ from the teacher's"
    if expected is None or (received and received[0].is_block):
        return "the student has more blocks than the teacher, or in another order"
    return "the student's layers between the blocks differ from the teacher's"
