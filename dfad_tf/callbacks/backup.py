"""Backups of training, from which an interrupted run resumes with the same results."""

from __future__ import annotations

import copy
import dataclasses
import pathlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import keras

from dfad_tf.callbacks.backup_interval import parse_interval
from dfad_tf.callbacks.backup_record import (
    BackupRecord,
    check_metadata,
    metadata_of,
)
from dfad_tf.callbacks.stop_signals import StopSignals
from dfad_tf.compute import keras_internals
from dfad_tf.compute.training_state import (
    TrainingState,
    assign_state,
    digest,
    read_file,
    read_metadata,
    read_state,
    write_state,
)
from dfad_tf.utils.errors import InputError

if TYPE_CHECKING:
    import tensorflow as tf

_LATEST, _HEALTHY = "latest", "healthy"
# Backups by time take at most this share of the training time, however short the interval.
_MAX_SHARE = 0.01


class Backup(keras.callbacks.BackupAndRestore):
    """Keras's `BackupAndRestore`, with exact results and also within an epoch.

    The base class restores one of two optimizers, repeats an epoch that was interrupted, and
    overwrites two files, one with the weights and one with the epoch. This class saves both
    optimizers, the image memory, metrics and history; `fit` continues with the step after the
    last backup; and its one file is replaced atomically. The frozen teacher is not saved.

    Args:
        backup_dir: Folder of the backup, which must contain nothing else.
        every: Train steps (`500`) or time (`"5min"`) between two backups. A time is extended
            if writing takes more than a hundredth of it.
        callbacks: Other callbacks whose public numbers are saved, such as the patience of
            `EarlyStopping`. Their other attributes, such as its best weights, are not saved.
        stop: Signals after which the last backup is written and training ends.
        delete_checkpoint: Whether the backup is deleted when training ends. If False, a last
            backup records that training has ended.

    Attributes:
        record: Times and events of the run, over all processes.
        healthy: The training state that was last marked as healthy.

    Raises:
        InputError: If `every` is not an interval. From `fit`, if the backup is damaged or belongs
            to other networks, other optimizers or another teacher.

    Example:

    >>> backup = callbacks.Backup("runs/mine/backup", every="5min")
    >>> history = distiller.fit(
    ...     batch_size=8, epochs=2, steps_per_epoch=2, verbose=0, callbacks=[backup]
    ... )
    """

    def __init__(
        self,
        backup_dir: str | pathlib.Path,
        every: str | int = "1min",
        callbacks: Sequence[keras.callbacks.Callback] = (),
        stop: StopSignals | None = None,
        delete_checkpoint: bool = True,
    ) -> None:
        super().__init__(str(backup_dir), delete_checkpoint=delete_checkpoint)
        self.path = pathlib.Path(backup_dir) / "state.npz"
        self._start = self.path.with_name("start.npz")
        self.interval = parse_interval(every)
        self.others, self.stop = list(callbacks), stop
        self.healthy: TrainingState | None = None
        self.record = BackupRecord()
        self._earlier: TrainingState | None = None
        self._epoch = self._step = 0
        self._skip_until: int | None = None
        self._train_function: Callable[..., dict[str, tf.Tensor]] | None = None
        self._teacher = ""
        self._restored: TrainingState | None = None
        self._mark = self._last = 0.0
        self._last_step, self._seconds_to_write, self._fresh = 0, 0.0, True

    def position(self) -> tuple[int, int] | None:
        """Return the epoch and the step that `fit` would start with, or None without a backup."""
        if not self.path.exists():
            return None
        metadata = read_metadata(self.path)[_LATEST]
        return metadata["epoch"], metadata["step"]

    # Called by Keras.

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        if self.stop is not None:
            self.stop.training_begins()
        self._mark = self._last = time.monotonic()
        self._last_step = 0
        self._teacher = self._teacher or digest(getattr(self.model, "teacher", None))
        self._epoch, self._step = keras_internals.initial_epoch(self.model) or 0, 0
        self._restored = self._skip_until = None
        self._fresh = not (self._earlier or self.path.exists())
        if not self._fresh:
            self._load()

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        if not self._restored:
            self._epoch, self._step = epoch, 0
        self._restore_after_reset()

    def on_train_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        if self._skip_until is not None and batch >= self._skip_until:
            self._stop_skipping()

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        if self._skip_until is not None:
            return
        self._last_step += batch + 1 - self._step
        self._step = batch + 1
        if self._stopped() or self._is_due():
            self.save()
        self._exit_if_stopped()

    def on_test_begin(self, logs: dict[str, float] | None = None) -> None:
        # The metrics of the epoch are reset after this, and the evaluation may take long.
        if self._stopped() and self._skip_until is None:
            self.save()
        self._exit_if_stopped()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        if self._skip_until is not None:
            self._stop_skipping()

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        self._restore_after_reset()
        self._count_seconds()
        if getattr(self.model, "rolling_back", False):
            return
        if self.delete_checkpoint:
            super().on_train_end(logs)
        else:
            self._epoch, self._step = self.params["epochs"], 0
            self.save()

    # Called by users and other callbacks.

    def save(self) -> None:
        """Write a backup of the current training state.

        Raises:
            OSError: If the file cannot be written; the last backup is kept.
        """
        begin = time.monotonic()
        self._write(self._state())
        self.record.seconds_of_backups += time.monotonic() - begin

    def mark_healthy(self) -> None:
        """Keep the training state at the beginning of an epoch, also in later backups."""
        if self._skip_until is None and not self._step:
            begin = time.monotonic()
            self.healthy = self._state()
            if self._fresh:  # Otherwise the run already has a first state.
                write_state(self._start, {_HEALTHY: self.healthy})
            self._fresh = False
            self.record.seconds_of_backups += time.monotonic() - begin

    def roll_back(self, event: str, networks: Sequence[str]) -> int:
        """End `fit`, and restart it from the training state last marked as healthy.

        A state that has led to a collapse twice was not healthy, even though no sign of it was
        found. The next rollback returns to the first state of the run.

        Args:
            event: Reason of the rollback, for the record.
            networks: The networks whose learning rate is reduced: `"student"`, `"generator"`, or
                both.

        Returns:
            The epoch in which training restarts.

        Raises:
            InputError: If no state was marked.
        """
        if self.healthy is None:
            raise InputError("Expected a training state marked as healthy. Received: none")
        self._count_seconds()
        self.record.restores.append(list(networks))
        if self.record.restored_to[-2:] == [self.healthy.metadata["epoch"]] * 2:
            self.healthy = read_file(self._start)[_HEALTHY]
        self.record.restored_to.append(self.healthy.metadata["epoch"])
        self.record.events.append(event)
        steps = self.params["steps"] or 0
        restored = self.healthy.metadata
        self.record.steps_undone += (
            (self._epoch - restored["epoch"]) * steps + self._step - restored["step"]
        )
        metadata = {**copy.deepcopy(restored), "record": dataclasses.asdict(self.record)}
        self._earlier = TrainingState(self.healthy.arrays, metadata)
        self._write(self._earlier)
        self.model.rolling_back = self.model.stop_training = True
        epoch: int = restored["epoch"]
        return epoch

    def _state(self) -> TrainingState:
        self._count_seconds()
        position = self._epoch, self._step
        metadata = metadata_of(
            position, self.model.history, self.others, self._teacher, self.record
        )
        return TrainingState(read_state(self.model), metadata)

    def _write(self, state: TrainingState) -> None:
        healthy = {_HEALTHY: self.healthy} if self.healthy else {}
        begin = time.monotonic()
        write_state(self.path, {_LATEST: state, **healthy})
        self._last, self._last_step = time.monotonic(), 0
        self._seconds_to_write = self._last - begin
        self.record.count += 1

    def _is_due(self) -> bool:
        if self.interval.steps is not None:
            return self._last_step >= self.interval.steps
        wait = max(self.interval.seconds or 0.0, self._seconds_to_write / _MAX_SHARE)
        return time.monotonic() - self._last >= wait

    def _stopped(self) -> bool:
        return self.stop is not None and self.stop.received is not None

    def _exit_if_stopped(self) -> None:
        if self.stop is not None and self._stopped():
            self.stop.leave(
                f"the backup is from epoch {self._epoch + 1} after step {self._step}, and the same "
                "command resumes from it"
            )

    def _load(self) -> None:
        earlier, self._earlier = self._earlier, None
        states = {_LATEST: earlier} if earlier else read_file(self.path)
        metadata = (state := states[_LATEST]).metadata
        check_metadata(metadata, self._teacher, self.path)
        assign_state(self.model, state.arrays)
        self.healthy = self.healthy if earlier else states.get(_HEALTHY)
        self.record = record = BackupRecord(**metadata["record"])
        record.resumed += earlier is None
        if record.restores:
            self.model.apply_restores(record.restores, metadata["course"])
        self._epoch, self._step = metadata["epoch"], metadata["step"]
        keras_internals.set_initial_epoch(self.model, self._epoch)
        self._restored = state

    def _restore_after_reset(self) -> None:
        """Restore what Keras resets at the beginning of training and of an epoch."""
        state, self._restored = self._restored, None
        if state is None:
            return
        if self._step:  # The metrics of an epoch that has ended must not enter the next one.
            assign_state(self.model, state.arrays, "metrics/")
        history = copy.deepcopy(state.metadata["history"])
        self.model.history.epoch, self.model.history.history = history["epoch"], history["logs"]
        for callback, numbers in zip(self.others, state.metadata["callbacks"], strict=True):
            vars(callback).update(numbers)
        if self._step:
            self._skip_until = self._step
            self._train_function = self.model.train_function
            self.model.train_function = self._skip

    def _skip(self, iterator: Iterator[tf.Tensor]) -> dict[str, tf.Tensor]:
        """Replace the train function for the steps of the epoch that are already done."""
        for _ in range(self.model.steps_per_execution):
            batch = next(iterator)
        metrics = keras_internals.compiled_metrics(self.model)
        if metrics is not None and not metrics.built:
            # The first step of a plain model does this.
            keras_internals.build_compiled_metrics(self.model, batch)
        return dict(self.model.get_metrics_result())

    def _stop_skipping(self) -> None:
        self.model.train_function, self._skip_until = self._train_function, None

    def _count_seconds(self) -> None:
        now = time.monotonic()
        self.record.seconds += now - self._mark
        self._mark = now
