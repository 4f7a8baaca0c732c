"""Make the runs that a comparison lacks, each in a process of its own."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psutil

from dfad_tf.experiments.comparison import read_run, run_name
from dfad_tf.utils.errors import InputError
from dfad_tf.utils.formatting import format_seconds

_UNFINISHED = ".run-"


@dataclass(frozen=True)
class Run:
    """One run of a comparison.

    Attributes:
        method: Its method.
        seed: Its seed.
        data_share: Share of the labelled images that it uses.
    """

    method: str
    seed: int
    data_share: float = 1.0

    @property
    def name(self) -> str:
        """The name of its folder."""
        return run_name(self.method, self.seed, self.data_share)

    def arguments(self) -> list[str]:
        """What sets it apart on the command line."""
        share = [] if self.data_share == 1 else [f"--data_share={self.data_share:g}"]
        return [f"--method={self.method}", f"--seed={self.seed}", *share]


class ComparisonRuns:
    """The runs in a comparison's folder.

    Args:
        folder: The comparison's folder; runs lie in `runs/` under it.
        arguments: Flags of `dfad_tf.train` that all runs share.
        jobs: Runs at a time, among which the processors are dealt out.
    """

    def __init__(self, folder: pathlib.Path, arguments: Sequence[str], jobs: int = 1) -> None:
        self.folder, self.arguments, self.jobs = folder / "runs", list(arguments), jobs
        self.failures: dict[str, str] = {}

    def result(self, run: Run) -> dict[str, Any] | None:
        """Return a finished run's result and history; None where there is none."""
        return read_run(self.folder / run.name)

    def missing(self, runs: Sequence[Run]) -> list[Run]:
        """Return those of the runs that are not there yet, each once."""
        return [run for run in dict.fromkeys(runs) if self.result(run) is None]

    def complete(self, runs: Sequence[Run]) -> None:
        """Make the runs that are not there yet; those that fail are noted in `failures`.

        A run is made under another name and renamed at its end, so that what was cut is
        made again, and what is there was whole.

        Args:
            runs: The runs wanted.
        """
        missing, count = self.missing(runs), len(set(runs))
        there = count - len(missing)
        print(f"{count} runs: {there} are there, {len(missing)} are to be made.", flush=True)
        if not missing:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        for stale in self.folder.glob(f"{_UNFINISHED}*"):
            owner = stale.name.removeprefix(_UNFINISHED).partition("-")[0]
            if owner.isdigit() and not psutil.pid_exists(int(owner)):
                _stop_orphans(stale)
                shutil.rmtree(stale, ignore_errors=True)
        begin = time.monotonic()
        for done, (run, seconds) in enumerate(self._made(missing), 1):
            spent = time.monotonic() - begin
            left = f"about {format_seconds(spent / done * (len(missing) - done))} left"
            result = self.result(run)
            said = f"failed: {self.failures.get(run.name)}"
            if result:
                said = f"{100 * result['student_accuracy']:.2f} %"
            print(
                f"{done:>4} of {len(missing)}  {run.name:<30} {said}, "
                f"{format_seconds(seconds)}; {left}",
                flush=True,
            )

    def check_failures(self) -> None:
        """Check that no run failed.

        Raises:
            InputError: If some did; it names the first.
        """
        if self.failures:
            name, failure = next(iter(self.failures.items()))
            raise InputError(f"{len(self.failures)} runs failed, among them {name}: {failure}")

    def _made(self, missing: list[Run]) -> Iterator[tuple[Run, float]]:
        """Start as many as may run at a time, and yield each when it has ended."""
        waiting = list(missing)
        running: dict[int, tuple[Run, Any, pathlib.Path, float]] = {}
        try:
            while waiting or running:
                for place in range(self.jobs):
                    while waiting and self.result(waiting[0]):  # made by another command
                        yield waiting.pop(0), 0.0
                    if waiting and place not in running:
                        run = waiting.pop(0)
                        running[place] = (run, *self._start(run, place), time.monotonic())
                for place, (run, process, made, begin) in list(running.items()):
                    if process.poll() is not None:
                        del running[place]
                        self._finish(run, process.returncode, made)
                        yield run, time.monotonic() - begin
                time.sleep(0.1)
        finally:
            for _, process, made, _ in running.values():
                process.terminate()
                process.wait()
                shutil.rmtree(made.parent, ignore_errors=True)

    def _start(self, run: Run, place: int) -> tuple[Any, pathlib.Path]:
        # Named by who makes it, so that two commands may work in one folder.
        prefix = f"{_UNFINISHED}{os.getpid()}-"
        made = pathlib.Path(tempfile.mkdtemp(prefix=prefix, dir=self.folder)) / "run"
        command = [sys.executable, "-m", "dfad_tf.train", *self.arguments, *run.arguments()]
        command += [f"--workdir={made}", "--export=none", "--verbose=2"]
        with open(made.parent / "log.txt", "w", encoding="utf-8") as log:
            process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        if self.jobs > 1:
            self._deal_out(process.pid, place)
        return process, made

    def _deal_out(self, pid: int, place: int) -> None:
        """Give a run its share of the processors, or two would be slower than in turn."""
        if not hasattr(os, "sched_getaffinity"):  # not on macOS
            return
        cores = sorted(os.sched_getaffinity(0))
        share = cores[place % len(cores) :: self.jobs]
        with contextlib.suppress(psutil.Error, OSError):  # it may have ended already
            psutil.Process(pid).cpu_affinity(share)

    def _finish(self, run: Run, status: int, made: pathlib.Path) -> None:
        log, kept = made.parent / "log.txt", self.folder / f"failed_{run.name}.txt"
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        if status == 0 and read_run(made) is not None:
            os.replace(log, made / "log.txt")
            if self.result(run) is None:
                shutil.rmtree(self.folder / run.name, ignore_errors=True)
                os.replace(made, self.folder / run.name)
            self.failures.pop(run.name, None)
            kept.unlink(missing_ok=True)
        else:
            os.replace(log, kept)
            last = lines[-1].split("error: ", 1)[-1] if lines else "it said nothing"
            how = f"status {status}" if status >= 0 else f"killed by signal {-status}"
            self.failures[run.name] = f"{last} ({how}; {kept})"
        shutil.rmtree(made.parent, ignore_errors=True)


def _stop_orphans(made: pathlib.Path) -> None:
    """Stop a run whose comparison was killed: nobody waits for it."""
    for process in psutil.process_iter(["cmdline"]):
        if any(str(made) in word for word in process.info["cmdline"] or []):
            with contextlib.suppress(psutil.Error):
                process.terminate()
                process.wait(10)
