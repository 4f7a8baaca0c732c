"""The backups of a run, in its folder."""

from __future__ import annotations

import logging
import pathlib
from collections.abc import Sequence

import keras

from dfad_tf.callbacks import Backup, CollapseWatch, HistoryFile, SharedBackup, StopSignals
from dfad_tf.runs.interrupted_run import backup_folder

_LOG = logging.getLogger(__name__)


def run_backup(
    folder: pathlib.Path,
    every: str,
    callbacks: Sequence[keras.callbacks.Callback],
    stop: StopSignals,
    stage: str = "",
) -> Backup:
    """Return the callback that backs up a run's training, and log where training resumes.

    Args:
        folder: The run's folder.
        every: Train steps or time between two backups.
        callbacks: The run's other callbacks; the counters of some of them are backed up.
        stop: Signals that wait for a backup.
        stage: Name of the stage, where there are several.
    """
    kinds = (HistoryFile, CollapseWatch)
    counting = [callback for callback in callbacks if isinstance(callback, kinds)]
    place = backup_folder(folder) / stage.replace(" ", "_")
    backup = SharedBackup(place, every, counting, stop, delete_checkpoint=False)
    epoch, step = backup.position() or (0, 0)
    if epoch or step:
        _LOG.info("Resuming in epoch %d after step %d, from %s", epoch + 1, step, backup.path)
    return backup
