"""What a backup records of a run beside its state."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass
class BackupRecord:
    """Since the run began, over all processes that it took.

    Attributes:
        seconds: Of training, backups included.
        seconds_of_backups: Of making and writing backups.
        count: Backups written.
        resumed: Times that training went on in another process.
        restores: For each time that it went back to a healthy moment, the networks whose rate
            was too large.
        steps_undone: Train steps that were given up by going back.
        restored_to: The epoch of each of these moments.
        events: Why it went back, in words.
        stopped: Why training was stopped before its end; None where it was not.
    """

    seconds: float = 0.0
    seconds_of_backups: float = 0.0
    count: int = 0
    resumed: int = 0
    steps_undone: int = 0
    restores: list[list[str]] = field(default_factory=list)
    restored_to: list[int] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    stopped: str | None = None


def numbers_of(callback: Any) -> dict[str, Any]:
    """Return a callback's public numbers: Keras's callbacks count in such attributes."""
    found: dict[str, Any] = {}
    for name, value in vars(callback).items():
        if name.startswith("_") or isinstance(value, bool):
            continue
        if value is None or isinstance(value, (int, np.integer)):
            found[name] = value if value is None else int(value)
        elif isinstance(value, (float, np.floating)):
            found[name] = float(value)
    return found


def plain_history(history: Any) -> dict[str, Any]:
    """Return a `History` as plain data."""
    logs = {name: [float(value) for value in values] for name, values in history.history.items()}
    return {"epoch": list(history.epoch), "logs": logs}
