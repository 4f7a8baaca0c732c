"""Keras callbacks: backups, collapse detection, history file, progress and sample images."""

from dfad_tf.callbacks.backup import Backup
from dfad_tf.callbacks.backup_interval import BackupInterval, parse_interval
from dfad_tf.callbacks.backup_record import BackupRecord
from dfad_tf.callbacks.collapse_watch import CollapseSign, CollapseWatch
from dfad_tf.callbacks.history_file import HistoryFile
from dfad_tf.callbacks.progress import Progress
from dfad_tf.callbacks.sample_images import SampleImages
from dfad_tf.callbacks.shared_backup import SharedBackup
from dfad_tf.callbacks.stop_signals import StopSignals

__all__ = [
    "Backup",
    "BackupInterval",
    "BackupRecord",
    "CollapseSign",
    "CollapseWatch",
    "HistoryFile",
    "SampleImages",
    "SharedBackup",
    "StopSignals",
    "Progress",
    "parse_interval",
]
