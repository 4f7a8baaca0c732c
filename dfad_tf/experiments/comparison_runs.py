"""Carry out the missing runs of a comparison, each in a process of its own."""

from __future__ import annotations

import logging
import os
import pathlib
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psutil

from dfad_tf.experiments.comparison import read_run, run_name
from dfad_tf.experiments.run_process import RunProcess
from dfad_tf.experiments.run_time import RunTime, mean_time, run_time
from dfad_tf.utils.errors import InputError
from dfad_tf.utils.formatting import format_seconds

_LOG = logging.getLogger(__name__)
_UNFINISHED = ".run-"
_COMMAND = "dfad_tf.train"
# A comparison needs neither exported files nor the plots of a run, nor a progress bar.
_ALWAYS = ("--export=none", "--noplots", "--trust=off", "--verbose=2")


@dataclass(frozen=True)
class Run:
    """One run of a comparison.

    Attributes:
        method: Name of its method.
        seed: Its seed.
        data_share: Share of the labelled images that it uses, in (0, 1].
    """

    method: str
    seed: int
    data_share: float = 1.0

    @property
    def name(self) -> str:
        """Name of the run's folder."""
        return run_name(self.method, self.seed, self.data_share)

    def arguments(self) -> list[str]:
        """Return the flags in which this run differs from the others."""
        share = [] if self.data_share == 1 else [f"--data_share={self.data_share:g}"]
        return [f"--method={self.method}", f"--seed={self.seed}", *share]


@dataclass(frozen=True)
class _Started:
    """A run in progress: its process, its temporary folder, and when it was started."""

    run: Run
    process: RunProcess
    folder: pathlib.Path
    begin: float


class ComparisonRuns:
    """The runs in a comparison's folder.

    Args:
        folder: The comparison's folder; its runs are saved under `runs/`.
        arguments: Flags of `dfad_tf.train` that all runs share.
        jobs: Maximum number of simultaneous runs, which divide the processors among them.
    """

    def __init__(self, folder: pathlib.Path, arguments: Sequence[str], jobs: int = 1) -> None:
        self.folder, self.arguments, self.jobs = folder / "runs", list(arguments), jobs
        self.failures: dict[str, str] = {}

    def result(self, run: Run) -> dict[str, Any] | None:
        """Return the result and the history of a run; None if it is not finished."""
        return read_run(self.folder / run.name)

    def missing(self, runs: Sequence[Run]) -> list[Run]:
        """Return the runs that are not finished, without duplicates."""
        return [run for run in dict.fromkeys(runs) if self.result(run) is None]

    def results(self, runs: Sequence[Run]) -> dict[tuple[str, int], dict[str, Any]]:
        """Return the results of the finished runs among `runs`, by method and seed."""
        found = {(run.method, run.seed): self.result(run) for run in runs}
        return {key: result for key, result in found.items() if result}

    def recorded(self, methods: Sequence[str]) -> list[Run]:
        """Return the runs with all data that have a folder, also those of earlier commands.

        Args:
            methods: Names of methods.
        """
        runs = []
        for method in methods:
            seeds = (path.name.removeprefix(f"{method}_seed") for path in self.folder.glob("*"))
            runs += [Run(method, int(seed)) for seed in sorted(seeds) if seed.isdigit()]
        return runs

    def failures_of(self, runs: Sequence[Run]) -> dict[str, str]:
        """Return why runs failed, by method."""
        return {r.method: self.failures[r.name] for r in runs if r.name in self.failures}

    def complete(self, runs: Sequence[Run]) -> None:
        """Carry out the runs that are not finished; failures are recorded in `failures`.

        A run writes to a temporary folder, which is renamed when the run has finished. An
        interrupted run therefore starts again, and every folder with the name of a run is
        complete.

        Args:
            runs: The runs to complete.
        """
        missing, count = self.missing(runs), len(set(runs))
        _LOG.info("%d runs: %d are finished, %d to do.", count, count - len(missing), len(missing))
        if not missing:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        self._remove_interrupted()
        times: list[RunTime] = []
        begin = time.monotonic()
        for done, (run, seconds) in enumerate(self._carry_out(missing), 1):
            spent = time.monotonic() - begin
            left = format_seconds(spent / done * (len(missing) - done))
            phases = run_time(self.folder / run.name, seconds)
            times += [phases] if phases and seconds else []
            _LOG.info(
                "%4d of %d  %-30s %s, %s%s; about %s left",
                done,
                len(missing),
                run.name,
                self._outcome(run),
                format_seconds(seconds),
                f" ({phases})" if phases and seconds else "",
                left,
            )
        if len(times) > 1:
            _LOG.info("Mean time of a run: %s", mean_time(times))

    def check_failures(self) -> None:
        """Check that no run failed.

        Raises:
            InputError: If runs failed; the message names the first of them.
        """
        if self.failures:
            name, failure = next(iter(self.failures.items()))
            count = len(self.failures)
            runs = "1 run" if count == 1 else f"{count} runs"
            raise InputError(f"{runs} failed, the first of them {name}: {failure}")

    def _outcome(self, run: Run) -> str:
        result = self.result(run)
        if result:
            return f"{100 * result['student_accuracy']:.2f} %"
        return f"failed: {self.failures.get(run.name)}"

    def _remove_interrupted(self) -> None:
        """Remove the temporary folders of commands that are no longer running."""
        for stale in self.folder.glob(f"{_UNFINISHED}*"):
            owner = stale.name.removeprefix(_UNFINISHED).partition("-")[0]
            if owner.isdigit() and not psutil.pid_exists(int(owner)):
                shutil.rmtree(stale, ignore_errors=True)

    def _carry_out(self, missing: list[Run]) -> Iterator[tuple[Run, float]]:
        """Start up to `jobs` runs at a time, and yield each one with its seconds at its end."""
        waiting = list(missing)
        running: dict[int, _Started] = {}
        try:
            while waiting or running:
                for place in range(self.jobs):
                    while waiting and self.result(waiting[0]):  # finished by another command
                        yield waiting.pop(0), 0.0
                    if waiting and place not in running:
                        running[place] = self._start(waiting.pop(0), place)
                for place, started in list(running.items()):
                    status = started.process.poll()
                    if status is not None:
                        del running[place]
                        seconds = time.monotonic() - started.begin
                        self._finish(started, status)
                        yield started.run, seconds
                time.sleep(0.1)
        finally:
            for started in running.values():
                started.process.terminate()
                started.process.wait()
                shutil.rmtree(started.folder.parent, ignore_errors=True)

    def _start(self, run: Run, place: int) -> _Started:
        # The name contains this process, so that two commands may work in one folder.
        prefix = f"{_UNFINISHED}{os.getpid()}-"
        folder = pathlib.Path(tempfile.mkdtemp(prefix=prefix, dir=self.folder)) / "run"
        arguments = [*self.arguments, *run.arguments(), f"--workdir={folder}", *_ALWAYS]
        begin, log = time.monotonic(), folder.parent / "log.txt"
        process = RunProcess(_COMMAND, arguments, log, self._cores(place))
        return _Started(run, process, folder, begin)

    def _cores(self, place: int) -> list[int] | None:
        """Return a run's share of the processors: two runs on all are slower than in turn."""
        if self.jobs == 1 or not hasattr(os, "sched_getaffinity"):  # not on macOS
            return None
        cores = sorted(os.sched_getaffinity(0))
        return cores[place % len(cores) :: self.jobs]

    def _finish(self, started: _Started, status: int) -> None:
        run, made = started.run, started.folder
        log, kept = made.parent / "log.txt", self.folder / f"failed_{run.name}.txt"
        if status == 0 and read_run(made) is not None:
            os.replace(log, made / "log.txt")
            if self.result(run) is None:
                shutil.rmtree(self.folder / run.name, ignore_errors=True)
                os.replace(made, self.folder / run.name)
            self.failures.pop(run.name, None)
            kept.unlink(missing_ok=True)
        else:
            lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            os.replace(log, kept)
            last = lines[-1].split("error: ", 1)[-1] if lines else "no output"
            how = f"status {status}" if status >= 0 else f"ended by signal {-status}"
            self.failures[run.name] = f"{last} ({how}; {kept})"
        shutil.rmtree(made.parent, ignore_errors=True)
