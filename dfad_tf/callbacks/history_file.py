"""Write the history to a CSV file, epoch by epoch, with what it cost so far."""

from __future__ import annotations

import pathlib
import time
from collections.abc import Sequence
from typing import Any

import keras

from dfad_tf.compute.keras_internals import initial_epoch
from dfad_tf.utils.files import write_text


class HistoryFile(keras.callbacks.CSVLogger):
    """Keras's `CSVLogger` with columns that are known before the first epoch.

    Keras takes the columns from the first epoch, and so loses the measurements
    that `validation_freq` puts into later ones; it writes NA where one is not taken.
    Two columns more say what was spent since the beginning: `images` generated, and
    `seconds` of training, without those of measuring, and of what was given up by going back.

    Args:
        filename: The file.
        columns: Keys of the logs, in their order.
        images_per_epoch: Images generated in an epoch.
    """

    def __init__(self, filename: str, columns: Sequence[str], images_per_epoch: int) -> None:
        super().__init__(filename)
        self.columns = [*columns, "images", "seconds"]
        self.images_per_epoch = images_per_epoch
        self.spent = 0.0  # public, so that a backup keeps it
        self._mark = 0.0

    def on_train_begin(self, logs: Any = None) -> None:
        done, path = initial_epoch(self.model), pathlib.Path(self.filename)
        if done is not None and path.exists():  # set by a backup, not by `fit`
            # What was cut may have left rows behind the backup, or half of one.
            lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
            text = "".join(lines[: done + 1])
            write_text(path, text)
            self.append = True
        super().on_train_begin(logs)
        self.keys = self.columns
        self.spent, self._mark = 0.0, time.monotonic()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._count()

    def on_test_begin(self, logs: Any = None) -> None:
        self._count()

    def on_test_end(self, logs: Any = None) -> None:
        self._mark = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._count()
        images = (epoch + 1) * self.images_per_epoch
        logs = {**(logs or {}), "images": images, "seconds": round(self.spent, 2)}
        super().on_epoch_end(epoch, {key: logs.get(key, "NA") for key in self.columns})

    def _count(self) -> None:
        now = time.monotonic()
        self.spent += now - self._mark
        self._mark = now
