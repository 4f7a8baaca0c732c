"""The interval between two backups, in steps or in time."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dfad_tf.utils.errors import InputError

_SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class BackupInterval:
    """The interval between two backups, of which one attribute is set.

    Attributes:
        steps: Train steps between two backups.
        seconds: Seconds between two backups.
    """

    steps: int | None = None
    seconds: float | None = None


def parse_interval(every: str | int) -> BackupInterval:
    """Parse an interval.

    Args:
        every: A number of train steps (`500`), or a time (`"30s"`, `"5min"`, `"1h"`), above 0.

    Returns:
        The interval.

    Raises:
        InputError: If `every` is neither, or not above 0.

    Example:

    >>> callbacks.parse_interval("5min")
    BackupInterval(steps=None, seconds=300.0)
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(s|min|h)?\s*", str(every))
    if found:
        number, unit = float(found[1]), found[2]
        if unit and number > 0:
            return BackupInterval(seconds=number * _SECONDS[unit])
        if not unit and number >= 1 and number.is_integer():
            return BackupInterval(steps=int(number))
    raise InputError(
        "Expected `every` to be a number of train steps of at least 1, such as 500, or a time "
        f"such as 30s, 5min or 1h. Received: every={every!r}"
    )
