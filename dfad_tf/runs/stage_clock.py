"""How long the stages of a run take."""

from __future__ import annotations

import time

from dfad_tf.runs.records import DistillationResult


class StageClock:
    """Take the seconds of the stages that follow one another.

    Args:
        done: The distillation, which is over.

    Attributes:
        seconds: Seconds of each stage by name. Those before the first train step and of the
            distillation are known from the beginning.

    Example:

    >>> from dfad_tf.callbacks import BackupRecord
    >>> record = BackupRecord(seconds=60.0)
    >>> done = DistillationResult("dfad", "random weights", {}, 60.0, "float32", record, 9.0)
    >>> clock = StageClock(done)
    >>> clock.end("measuring")
    >>> list(clock.seconds)
    ['start', 'distillation', 'measuring']
    """

    def __init__(self, done: DistillationResult) -> None:
        self.seconds = {"distillation": done.seconds}
        if done.seconds_to_first_step is not None:
            self.seconds = {"start": done.seconds_to_first_step, **self.seconds}
        self._begin = time.monotonic()

    def end(self, stage: str) -> None:
        """Note the end of a stage; the next one begins.

        Args:
            stage: Its name.
        """
        now = time.monotonic()
        self.seconds[stage] = now - self._begin
        self._begin = now
