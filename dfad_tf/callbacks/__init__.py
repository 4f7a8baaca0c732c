"""Callbacks that Keras does not have."""

from dfad_tf.callbacks.history_file import HistoryFile
from dfad_tf.callbacks.sample_images import SampleImages
from dfad_tf.callbacks.time_left import TimeLeft, format_seconds

__all__ = ["HistoryFile", "SampleImages", "TimeLeft", "format_seconds"]
