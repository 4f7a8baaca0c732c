"""Say after each epoch how long the whole run will still take."""

from __future__ import annotations

import time
from typing import Any

import keras

from dfad_tf.utils.formatting import format_seconds


class TimeLeft(keras.callbacks.Callback):
    """Print the time left, from the mean of the epochs so far; Keras's bar knows one epoch."""

    def __init__(self) -> None:
        super().__init__()
        self._begin = 0.0
        self._before = 0

    def on_train_begin(self, logs: Any = None) -> None:
        self._begin = time.monotonic()
        self._before = self._steps()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        # Counted in steps: the first epoch may have been begun by another process.
        done = self._steps()
        left = done / (epoch + 1) * (self.params["epochs"] - epoch - 1)
        if left > 0 and done > self._before:
            spent = time.monotonic() - self._begin
            print(
                f"  about {format_seconds(spent / (done - self._before) * left)} left", flush=True
            )

    def _steps(self) -> int:
        return int(keras.ops.convert_to_numpy(self.model.optimizer.iterations))
