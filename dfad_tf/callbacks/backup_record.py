"""What a backup records of a run beside its state."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class BackupRecord:
    """Since the run began, over all processes that it took.

    Attributes:
        seconds: Of training, backups included.
        seconds_of_backups: Of writing backups.
        count: Backups written.
        resumed: Times that training went on in another process.
        restores: Times that it went back to a healthy moment.
        steps_undone: Train steps that were given up by going back.
        events: Why it went back, in words.
    """

    seconds: float = 0.0
    seconds_of_backups: float = 0.0
    count: int = 0
    resumed: int = 0
    restores: int = 0
    steps_undone: int = 0
    events: list[str] = field(default_factory=list)
