"""The progress of a run on standard output: few metrics, and the time left of the whole run."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

import keras
import numpy as np

from dfad_tf.compute.keras_internals import initial_epoch
from dfad_tf.utils.errors import InputError
from dfad_tf.utils.formatting import format_seconds

METRICS = ("loss", "generator_loss", "val_agreement")
_VERBOSE = ("auto", 0, 1, 2)


class Progress(keras.callbacks.Callback):
    """Show a few metrics and the time left of the whole run, in place of Keras's progress bar.

    On a terminal each epoch has a line with the time left and a Keras progress bar; elsewhere it
    has one line. Call `fit` with `verbose=0`. The callback is independent of the history and of
    TensorBoard, which contain all metrics.

    Args:
        verbose: As in `keras.Model.fit`: 0 shows nothing, 1 a progress bar for each epoch, and 2
            one line for each epoch. `"auto"` is 1 if standard output is a terminal and else 2.
        metrics: The logged metrics to show, in this order. Metrics that are not logged are
            skipped.

    Raises:
        InputError: If `verbose` is none of these.

    Example:

    >>> history = distiller.fit(
    ...     batch_size=8, epochs=2, steps_per_epoch=2, verbose=0, callbacks=[callbacks.Progress(0)]
    ... )
    """

    def __init__(self, verbose: str | int = "auto", metrics: Sequence[str] = METRICS) -> None:
        super().__init__()
        if verbose not in _VERBOSE:
            raise InputError(
                f"Expected `verbose` to be one of {_VERBOSE}. Received: verbose={verbose!r}"
            )
        self.verbose, self._shown = verbose, tuple(metrics)
        self._mode = 0
        self._bar: keras.utils.Progbar | None = None
        self._target: int | None = None
        self._first_epoch: int | None = None
        self._steps_before = self._seen = 0
        self._begin = self._epoch_begin = 0.0
        self._time_left: str | None = None

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        auto = 1 if sys.stdout.isatty() else 2
        self._mode = auto if self.verbose == "auto" else int(self.verbose)
        self._begin = time.monotonic()
        self._first_epoch, self._time_left = None, None
        self._target = self.params["steps"]
        self._steps_before = self._steps_done()

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        if self._first_epoch is None:
            self._first_epoch = epoch
        self._epoch_begin, self._seen = time.monotonic(), 0
        if self._mode == 1:
            left = f", {self._time_left}" if self._time_left else ""
            print(f"Epoch {epoch + 1}/{self.params['epochs']}{left}", flush=True)
            # Without `stateful_metrics` the bar would average what already are means.
            self._bar = keras.utils.Progbar(self._target, stateful_metrics=self._shown)

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self._seen = batch + 1
        if self._bar is not None:
            self._bar.update(self._seen, self._values_of(logs), finalize=False)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._time_left = self._estimate(epoch)
        if self._bar is not None:
            # Keras does not know the number of steps of a generator before the first epoch ends.
            self._target = self._bar.target = self._target or self._seen
            self._bar.update(self._seen, self._values_of(logs), finalize=True)
            self._bar = None
        elif self._mode == 2:
            seconds = format_seconds(time.monotonic() - self._epoch_begin)
            metrics = [f"{name}: {value:.4g}" for name, value in self._values_of(logs)]
            left = [self._time_left] if self._time_left else []
            title = f"Epoch {epoch + 1}/{self.params['epochs']}"
            print(" - ".join([title, seconds, *metrics, *left]), flush=True)

    def _values_of(self, logs: dict[str, float] | None) -> list[tuple[str, float]]:
        """Return the metrics to show, by name."""
        logs = logs or {}
        return [(name, float(np.mean(logs[name]))) for name in self._shown if name in logs]

    def _estimate(self, epoch: int) -> str | None:
        """Return the time left of the run in words, or None at its end.

        It is estimated from optimizer steps, because another process may have done a part of the
        first epoch.
        """
        done = self._steps_done()
        here = done - self._steps_before
        epochs_left = self.params["epochs"] - epoch - 1
        if epochs_left <= 0 or here <= 0:
            return None
        if initial_epoch(self.model) is not None:  # A backup sets it, and `fit` does not.
            iterations_per_epoch = done / (epoch + 1)
        else:
            iterations_per_epoch = here / (epoch + 1 - (self._first_epoch or 0))
        seconds = (time.monotonic() - self._begin) / here * iterations_per_epoch * epochs_left
        return f"about {format_seconds(seconds)} left"

    def _steps_done(self) -> int:
        return int(keras.ops.convert_to_numpy(self.model.optimizer.iterations))
