"""Write the history to a CSV file, epoch by epoch, with what it cost so far."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import keras


class HistoryFile(keras.callbacks.CSVLogger):
    """Keras's `CSVLogger` with columns that are known before the first epoch.

    Keras takes the columns from the first epoch, and so loses the measurements
    that `validation_freq` puts into later ones; it writes NA where one is not taken.
    Two columns more say what was spent since the beginning: `images` generated, and
    `seconds` of training, without those of measuring.

    Args:
        filename: The file.
        columns: Keys of the logs, in their order.
        images_per_epoch: Images generated in an epoch.
    """

    def __init__(self, filename: str, columns: Sequence[str], images_per_epoch: int) -> None:
        super().__init__(filename)
        self.columns = [*columns, "images", "seconds"]
        self.images_per_epoch = images_per_epoch
        self._begin = self._test_begin = 0.0

    def on_train_begin(self, logs: Any = None) -> None:
        super().on_train_begin(logs)
        self.keys = self.columns
        self._begin = time.monotonic()

    def on_test_begin(self, logs: Any = None) -> None:
        self._test_begin = time.monotonic()

    def on_test_end(self, logs: Any = None) -> None:
        self._begin += time.monotonic() - self._test_begin

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        spent = round(time.monotonic() - self._begin, 2)
        logs = {**(logs or {}), "images": (epoch + 1) * self.images_per_epoch, "seconds": spent}
        super().on_epoch_end(epoch, {key: logs.get(key, "NA") for key in self.columns})
