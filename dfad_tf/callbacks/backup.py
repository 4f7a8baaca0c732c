"""Back up a training so that, killed at any moment, it goes on as if it never was."""

from __future__ import annotations

import copy
import dataclasses
import pathlib
import time
from collections.abc import Sequence
from typing import Any

import keras

from dfad_tf.callbacks.backup_interval import parse_interval
from dfad_tf.callbacks.backup_record import BackupRecord, numbers_of, plain_history
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

_LATEST, _HEALTHY = "latest", "healthy"
# A backup that takes long is written less often than asked by time: at most this share of it.
_LARGEST_SHARE = 0.01
_FORMAT = 1


class Backup(keras.callbacks.BackupAndRestore):
    """Keras's `BackupAndRestore`, exact and in the middle of an epoch too.

    The base restores one optimizer of two, begins an epoch again that was half done, and
    writes weights and epoch into two files, over the last ones. Here both optimizers, the
    memory of images, metrics and history are backed up, `fit` goes on with the step behind the
    last backup, and its one file is whole or the one before it. The teacher is frozen,
    and not in it.

    Args:
        backup_dir: Folder for the backup; for nothing else.
        every: Train steps (`500`) or time (`"5min"`) between two backups. A time is stretched
            where writing takes more than a hundredth of it.
        callbacks: Others whose public numbers are backed up too, such as the patience of
            `EarlyStopping`; what else they hold, such as its best weights, is not.
        stop: Signals that are answered by a last backup.
        delete_checkpoint: Whether training that has ended removes its backup. Else a last
            one says that it has ended.

    Attributes:
        record: What was spent and what happened, over all processes.
        healthy: The moment that was last marked as such.

    Raises:
        InputError: If `every` is no interval; from `fit`, if the backup is damaged, or of other
            networks, optimizers or another teacher.

    Example:

    >>> distiller.fit(epochs=200, callbacks=[Backup("runs/mine/backup", every="5min")])
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
        self._train_function: Any = None
        self._teacher = ""
        self._restored: TrainingState | None = None
        self._mark = self._last = 0.0
        self._last_step, self._seconds_to_write, self._fresh = 0, 0.0, True

    def position(self) -> tuple[int, int] | None:
        """Return the epoch and the step in it that `fit` would begin with; None: no backup."""
        if not self.path.exists():
            return None
        metadata = read_metadata(self.path)[_LATEST]
        return metadata["epoch"], metadata["step"]

    # What Keras calls.

    def on_train_begin(self, logs: Any = None) -> None:
        self._mark = self._last = time.monotonic()
        self._last_step = 0
        self._teacher = self._teacher or digest(getattr(self.model, "teacher", None))
        self._epoch, self._step = keras_internals.initial_epoch(self.model) or 0, 0
        self._restored = self._skip_until = None
        self._fresh = not (self._earlier or self.path.exists())
        if not self._fresh:
            self._load()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if not self._restored:
            self._epoch, self._step = epoch, 0
        self._take_up()

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        if self._skip_until is not None and batch >= self._skip_until:
            self._train_on()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self._skip_until is not None:
            return
        self._last_step += batch + 1 - self._step
        self._step = batch + 1
        if self._stopped() or self._is_due():
            self.save()
        self._leave_if_stopped()

    def on_test_begin(self, logs: Any = None) -> None:
        # The last moment at which the epoch's metrics stand; measuring may take long.
        if self._stopped() and self._skip_until is None:
            self.save()
        self._leave_if_stopped()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self._skip_until is not None:
            self._train_on()

    def on_train_end(self, logs: Any = None) -> None:
        self._take_up()
        self._count_seconds()
        if getattr(self.model, "rolling_back", False):
            return
        if self.delete_checkpoint:
            super().on_train_end(logs)
        else:
            self._epoch, self._step = self.params["epochs"], 0
            self.save()

    # What others may ask for.

    def save(self) -> None:
        """Write a backup of this moment.

        Raises:
            OSError: If the system refuses; the last backup stays.
        """
        begin = time.monotonic()
        self._write(self._state())
        self.record.seconds_of_backups += time.monotonic() - begin

    def mark_healthy(self) -> None:
        """Keep this moment, the beginning of an epoch, in memory and in the backups to come."""
        if self._skip_until is None and not self._step:
            begin = time.monotonic()
            self.healthy = self._state()
            if self._fresh:  # else there is one of this run
                write_state(self._start, {_HEALTHY: self.healthy})
            self._fresh = False
            self.record.seconds_of_backups += time.monotonic() - begin

    def roll_back(self, event: str, networks: Sequence[str]) -> int:
        """End `fit`, and let it begin again with the moment that was last marked.

        A moment that has led to a collapse twice was no healthy one, whatever was seen
        of it: the next time it begins again with the first of all.

        Args:
            event: Why, for the record.
            networks: Of student and generator, those whose rate is to be smaller.

        Returns:
            The epoch that it begins again with.

        Raises:
            InputError: If none was marked.
        """
        if self.healthy is None:
            raise InputError("Expected a moment marked as healthy to go back to. Received none.")
        self._count_seconds()
        self.record.restores.append(list(networks))
        if self.record.restored_to[-2:] == [self.healthy.metadata["epoch"]] * 2:
            self.healthy = read_file(self._start)[_HEALTHY]
        self.record.restored_to.append(self.healthy.metadata["epoch"])
        self.record.events.append(event)
        steps = self.params["steps"] or 0
        then = self.healthy.metadata
        self.record.steps_undone += (
            (self._epoch - then["epoch"]) * steps + self._step - then["step"]
        )
        metadata = {**copy.deepcopy(then), "record": dataclasses.asdict(self.record)}
        self._earlier = TrainingState(self.healthy.arrays, metadata)
        self._write(self._earlier)
        self.model.rolling_back = self.model.stop_training = True
        epoch: int = then["epoch"]
        return epoch

    def _state(self) -> TrainingState:
        self._count_seconds()
        metadata = {
            "format": _FORMAT,
            "epoch": self._epoch,
            "step": self._step,
            "history": plain_history(self.model.history),
            "callbacks": [numbers_of(callback) for callback in self.others],
            "teacher": self._teacher,
            "course": len(self.record.restores),
            "record": dataclasses.asdict(self.record),
        }
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
        wait = max(self.interval.seconds or 0.0, self._seconds_to_write / _LARGEST_SHARE)
        return time.monotonic() - self._last >= wait

    def _stopped(self) -> bool:
        return self.stop is not None and self.stop.received is not None

    def _leave_if_stopped(self) -> None:
        if self.stop is not None and self._stopped():
            self.stop.leave(
                f"backed up in epoch {self._epoch + 1} after step {self._step}: the same command "
                "goes on from there"
            )

    def _load(self) -> None:
        earlier, self._earlier = self._earlier, None
        states = {_LATEST: earlier} if earlier else read_file(self.path)
        metadata = (state := states[_LATEST]).metadata
        if metadata.get("format") != _FORMAT:
            raise InputError(
                f"Expected a backup of format {_FORMAT} in {self.path}. Received: "
                f"{metadata.get('format')}"
            )
        if metadata["teacher"] != self._teacher:
            raise InputError(
                f"Expected the teacher of the backup in {self.path}. Received another one, or "
                "other weights"
            )
        assign_state(self.model, state.arrays)
        self.healthy = self.healthy if earlier else states.get(_HEALTHY)
        self.record = record = BackupRecord(**metadata["record"])
        record.resumed += earlier is None
        if record.restores:
            self.model.change_course(record.restores, metadata["course"])
        self._epoch, self._step = metadata["epoch"], metadata["step"]
        keras_internals.set_initial_epoch(self.model, self._epoch)
        self._restored = state

    def _take_up(self) -> None:
        """What Keras resets when training and an epoch begin, put back."""
        state, self._restored = self._restored, None
        if state is None:
            return
        assign_state(self.model, state.arrays, "metrics/")
        history = copy.deepcopy(state.metadata["history"])
        self.model.history.epoch, self.model.history.history = history["epoch"], history["logs"]
        for callback, numbers in zip(self.others, state.metadata["callbacks"], strict=True):
            vars(callback).update(numbers)
        if self._step:
            self._skip_until = self._step
            self._train_function = self.model.train_function
            self.model.train_function = self._skip

    def _skip(self, iterator: Any) -> dict[str, Any]:
        """Stand for the steps of the epoch that were done before."""
        for _ in range(self.model.steps_per_execution):
            batch = next(iterator)
        metrics = keras_internals.compiled_metrics(self.model)
        if metrics is not None and not metrics.built:
            keras_internals.build_compiled_metrics(self.model, batch)
        return dict(self.model.get_metrics_result())

    def _train_on(self) -> None:
        self.model.train_function, self._skip_until = self._train_function, None

    def _count_seconds(self) -> None:
        now = time.monotonic()
        self.record.seconds += now - self._mark
        self._mark = now
