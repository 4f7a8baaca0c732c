"""The phases on which a run spends its time."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class RunTime:
    """Seconds of a run by phase.

    Attributes:
        start_up: Start of the process, and imports.
        preparation: Loading the data and the teacher, creating and initializing the networks,
            compilation, and the timed steps of the plan.
        distillation: Training of the student, with its validation after each epoch.
        evaluation: Saving the networks, measuring them on test images, and plots.
    """

    start_up: float
    preparation: float
    distillation: float
    evaluation: float

    def __str__(self) -> str:
        """Write the phases for people: `start-up 0.9 s, preparation 7.2 s, …`."""
        phases = dataclasses.asdict(self)
        return ", ".join(f"{_TITLES[name]} {seconds:.1f} s" for name, seconds in phases.items())


_TITLES = {
    "start_up": "start-up",
    "preparation": "preparation",
    "distillation": "distillation",
    "evaluation": "evaluation and plots",
}


def run_time(folder: pathlib.Path, seconds: float) -> RunTime | None:
    """Return the phases of a finished run.

    Args:
        folder: The run's folder. A run saves its student as soon as it is trained, and writes
            `result.json` at its end.
        seconds: Seconds from the start to the end of the run's process.

    Returns:
        The phases; None for a run that did not record them.
    """
    result, student = folder / "result.json", folder / "student.keras"
    try:
        content = json.loads(result.read_text(encoding="utf-8"))
        evaluation = result.stat().st_mtime - student.stat().st_mtime
        total, distillation = content["total_seconds"], content["distillation_seconds"]
    except (OSError, ValueError, KeyError):
        return None
    return RunTime(
        start_up=max(0.0, seconds - total),
        preparation=max(0.0, total - distillation - evaluation),
        distillation=distillation,
        evaluation=evaluation,
    )


def mean_time(times: Sequence[RunTime]) -> RunTime:
    """Return the mean of each phase over runs, at least one."""
    rows = [dataclasses.astuple(time) for time in times]
    return RunTime(*(statistics.fmean(column) for column in zip(*rows, strict=True)))
