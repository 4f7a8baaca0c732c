"""Read the runs of several methods over seeds, and summarize them by method."""

from __future__ import annotations

import csv
import json
import pathlib
import statistics
from collections.abc import Iterable, Mapping
from typing import Any

from dfad_tf.experiments.published_results import published_accuracies
from dfad_tf.methods.method_names import WITH_DATA

WITHOUT_DATA = ("dafl", "dfad", "dfad+activation", "dfad+interpolation", "proposed")
ADDED_METHODS = (
    *("zskt", "dfq", "cmi", "fastdfkd", "nayer", "deepinversion"),
    *("dfad+memory", "proposed+memory"),
)
TEACHER = "teacher"
ROWS = (*WITH_DATA, *WITHOUT_DATA, *ADDED_METHODS)

Result = dict[str, Any]  # the content of a run's `result.json`, with its `history`
Row = dict[str, Any]  # an entry of `table.json`


def run_name(method: str, seed: int, data_share: float = 1.0) -> str:
    """Return the name of a run's folder within its comparison.

    Example:

    >>> run_name("kd", 0, data_share=0.1)
    'kd_share0.1_seed0'
    """
    share = "" if data_share == 1 else f"_share{data_share:g}"
    return f"{method}{share}_seed{seed}"


def read_run(folder: pathlib.Path) -> Result | None:
    """Return a finished run's result, with the columns of its `history.csv` as `history`.

    Args:
        folder: The run's folder.

    Returns:
        None if the run does not exist, was interrupted, or measured no accuracy.
    """
    try:
        result: Result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
        with open(folder / "history.csv", encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, ValueError):
        return None
    if not rows or result.get("student_accuracy") is None:
        return None
    history = {name: [_number(row[name]) for row in rows] for name in rows[0]}
    return {**result, "history": history}


def rows(
    runs: Mapping[tuple[str, int], Result],
    methods: Iterable[str] = ROWS,
    failures: Mapping[str, str] | None = None,
) -> list[Row]:
    """Summarize runs by method.

    Args:
        runs: Results of `read_run`, by method and seed.
        methods: Methods in the order of the table. A method without a run has a row that reports
            this.
        failures: Reasons why runs failed, by method.

    Returns:
        One entry for the teacher if there is a run, and one for each method. Accuracies are
        fractions of the test set: `accuracy` is the mean over the seeds after the last epoch,
        `accuracy_deviation` its sample standard deviation, and `best_on_the_test_set` the mean of
        the highest epochs. Published methods often report the latter, which cannot be selected
        without test data.
    """
    table = [_row(method, runs, (failures or {}).get(method)) for method in methods]
    return [*_teacher_row(table), *table]


def _teacher_row(table: list[Row]) -> list[Row]:
    measured = [row for row in table if "accuracy" in row]
    if not measured:
        return []
    first = measured[0]
    shared = {name: first[name] for name in first if name.startswith("teacher_")}
    accuracy = statistics.fmean(row["teacher_accuracy"] for row in measured)
    about = {"method": TEACHER, "data": "labelled images", "seeds": [], "status": "run"}
    return [{**about, **shared, "teacher_accuracy": accuracy, "paper": first["paper_teacher"]}]


def _row(method: str, runs: Mapping[tuple[str, int], Result], failure: str | None) -> Row:
    found = {seed: run for (name, seed), run in sorted(runs.items()) if name == method}
    row: Row = {
        "method": method,
        "data": "labelled images" if method in WITH_DATA else "none",
        "seeds": sorted(found),
    }
    if not found:
        return {**row, "status": f"failed: {failure}" if failure else "not run"}
    results = list(found.values())
    first = results[0]
    published = published_accuracies(first["dataset"], first["teacher"], first["student"])
    return {
        **row,
        "status": f"failed for some seeds: {failure}" if failure else "run",
        "student_start": first["student_start"],
        **_accuracies(results),
        "teacher_parameters": first["teacher_parameters"],
        "teacher_macs": first["teacher_macs"],
        "student_parameters": first["student_parameters"],
        "student_macs": first["student_macs"],
        "images_generated": statistics.fmean(r["images_generated"] for r in results),
        "student_samples": _mean_samples(results),
        "real_images": statistics.fmean(r.get("real_images", 0) for r in results),
        "seconds": statistics.fmean(r["distillation_seconds"] for r in results),
        "paper": published.get(method),
        "paper_teacher": published.get("teacher"),
        "made_by": sorted({_code_version(r["versions"]) for r in results}),
    }


def _mean_samples(results: list[Result]) -> float | None:
    """Return the mean number of student samples; None with a run that did not record it."""
    if any(result.get("student_samples") is None for result in results):
        return None
    return statistics.fmean(result["student_samples"] for result in results)


def _accuracies(results: list[Result]) -> Row:
    last = [result["student_accuracy"] for result in results]
    teacher = statistics.fmean(result["teacher_accuracy"] for result in results)
    # The last epoch counts even if `--validation_freq` skipped its measurement.
    measured = ([*r["history"]["val_accuracy"], r["student_accuracy"]] for r in results)
    best = [max(value for value in values if value is not None) for values in measured]
    return {
        "teacher_accuracy": teacher,
        "accuracies": last,
        "accuracy": statistics.fmean(last),
        "accuracy_deviation": statistics.stdev(last) if len(last) > 1 else None,
        "best_on_the_test_set": statistics.fmean(best),
        "difference_to_teacher": statistics.fmean(last) - teacher,
    }


def _code_version(versions: Mapping[str, str]) -> str:
    commit = versions.get("commit")  # absent for an installed package
    return f"commit {commit}" if commit else f"dfad_tf {versions.get('dfad_tf')}"


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None
