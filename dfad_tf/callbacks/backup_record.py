"""The data in a backup besides the training state."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from dfad_tf.utils.errors import InputError

FORMAT = 1


@dataclasses.dataclass
class BackupRecord:
    """Times and events since the beginning of the run, over all its processes.

    Attributes:
        seconds: Training time, including backups.
        seconds_of_backups: Time spent on reading and writing training states.
        count: Number of backups written.
        resumed: Number of times that another process resumed training.
        steps_undone: Train steps that rollbacks discarded.
        restores: For each rollback, the networks whose learning rate was too large.
        restored_to: For each rollback, the epoch that training returned to.
        events: For each rollback, its reason in words.
        stopped: Why training was stopped before its end; None if it was not.
    """

    seconds: float = 0.0
    seconds_of_backups: float = 0.0
    count: int = 0
    resumed: int = 0
    steps_undone: int = 0
    restores: list[list[str]] = dataclasses.field(default_factory=list)
    restored_to: list[int] = dataclasses.field(default_factory=list)
    events: list[str] = dataclasses.field(default_factory=list)
    stopped: str | None = None


def metadata_of(
    position: tuple[int, int],
    history: keras.callbacks.History,
    callbacks: Sequence[keras.callbacks.Callback],
    teacher: str,
    record: BackupRecord,
) -> dict[str, Any]:
    """Return the metadata of a backup, with the keys of version 0.5.0.

    Args:
        position: Epoch, and number of steps that are done in it.
        history: The history of `fit`.
        callbacks: Callbacks whose public numbers are saved.
        teacher: Digest of the teacher.
        record: Times and events of the run.

    Returns:
        Plain data.
    """
    return {
        "format": FORMAT,
        "epoch": position[0],
        "step": position[1],
        "history": plain_history(history),
        "callbacks": [numbers_of(callback) for callback in callbacks],
        "teacher": teacher,
        "course": len(record.restores),
        "record": dataclasses.asdict(record),
    }


def check_metadata(metadata: Mapping[str, Any], teacher: str, path: pathlib.Path) -> None:
    """Check that a backup has a known format and belongs to a teacher.

    Args:
        metadata: The metadata of the backup.
        teacher: Digest of the teacher.
        path: File of the backup, for the error.

    Raises:
        InputError: If it does not.
    """
    if metadata.get("format") != FORMAT:
        raise InputError(
            f"Expected a backup of format {FORMAT} in {path}. Received: {metadata.get('format')}"
        )
    if metadata["teacher"] != teacher:
        raise InputError(
            f"Expected the teacher of the backup in {path}. Received: another teacher, or other "
            "weights"
        )


def numbers_of(callback: keras.callbacks.Callback) -> dict[str, int | float | None]:
    """Return the public attributes of a callback that are numbers or None.

    Keras's callbacks keep their counters in such attributes.

    Args:
        callback: The callback.
    """
    found: dict[str, int | float | None] = {}
    for name, value in vars(callback).items():
        if name.startswith("_") or isinstance(value, bool):
            continue
        if value is None or isinstance(value, (int, np.integer)):
            found[name] = value if value is None else int(value)
        elif isinstance(value, (float, np.floating)):
            found[name] = float(value)
    return found


def plain_history(history: keras.callbacks.History) -> dict[str, Any]:
    """Return a `History` as plain data.

    Args:
        history: The history of `fit`.

    Returns:
        Its epochs, and its logs by name.
    """
    logs = {name: [float(value) for value in values] for name, values in history.history.items()}
    return {"epoch": list(history.epoch), "logs": logs}
