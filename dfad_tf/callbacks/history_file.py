"""Write the history to a CSV file, epoch by epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras


class HistoryFile(keras.callbacks.CSVLogger):
    """Keras's `CSVLogger` with columns that are known before the first epoch.

    Keras takes the columns from the first epoch, and so loses the measurements
    that `validation_freq` puts into later ones; it writes NA where one is not taken.

    Args:
        filename: The file.
        columns: Keys of the logs, in their order.
    """

    def __init__(self, filename: str, columns: Sequence[str]) -> None:
        super().__init__(filename)
        self.columns = list(columns)

    def on_train_begin(self, logs: Any = None) -> None:
        super().on_train_begin(logs)
        self.keys = self.columns

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs = logs or {}
        super().on_epoch_end(epoch, {key: logs.get(key, "NA") for key in self.columns})
