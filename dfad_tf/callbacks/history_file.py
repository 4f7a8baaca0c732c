"""The history of training as a CSV file, with its cost so far."""

from __future__ import annotations

import pathlib
import time
from collections.abc import Sequence

import keras

from dfad_tf.compute.keras_internals import initial_epoch
from dfad_tf.utils.files import write_text


class HistoryFile(keras.callbacks.CSVLogger):
    """Keras's `CSVLogger`, with columns that are known before the first epoch.

    Keras takes the columns from the logs of the first epoch, and thereby omits the metrics that
    `validation_freq` adds in later epochs. This class writes NA in epochs without a metric. Two
    more columns contain the cost since the beginning of the run: `images` counts generated
    images, and `seconds` measures the training time, without evaluations and without what
    rollbacks discarded.

    Args:
        filename: The file.
        columns: Keys of the logs, in the order of the columns.
        images_per_epoch: Images generated in an epoch.
    """

    def __init__(self, filename: str, columns: Sequence[str], images_per_epoch: int) -> None:
        super().__init__(filename)
        self.columns = [*columns, "images", "seconds"]
        self.images_per_epoch = images_per_epoch
        self.spent = 0.0  # Public, so that a backup contains it.
        self._mark = 0.0

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        done, path = initial_epoch(self.model), pathlib.Path(self.filename)
        if done is not None and path.exists():  # A backup sets it, and `fit` does not.
            # The interrupted run may have written rows after the backup, the last one in part.
            lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
            text = "".join(lines[: done + 1])
            write_text(path, text)
            self.append = True
        super().on_train_begin(logs)
        self.keys = self.columns
        self.spent, self._mark = 0.0, time.monotonic()

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self._count()

    def on_test_begin(self, logs: dict[str, float] | None = None) -> None:
        self._count()

    def on_test_end(self, logs: dict[str, float] | None = None) -> None:
        self._mark = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._count()
        images = (epoch + 1) * self.images_per_epoch
        row = {**(logs or {}), "images": images, "seconds": round(self.spent, 2)}
        super().on_epoch_end(epoch, {key: row.get(key, "NA") for key in self.columns})

    def _count(self) -> None:
        now = time.monotonic()
        self.spent += now - self._mark
        self._mark = now
