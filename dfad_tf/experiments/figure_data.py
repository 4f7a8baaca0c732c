"""The data of the paper's Figures 2a to 2d, computed from the runs of a comparison."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from dfad_tf.experiments.comparison import Result
from dfad_tf.experiments.comparison_runs import ComparisonRuns, Run
from dfad_tf.methods.method_names import WITH_DATA

SHARES = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0)
LEVELS = ("dafl", "dfad", "proposed")
CURVES = ("dafl", "dfad", "proposed")
ABLATION = ("dfad", "dfad+activation", "dfad+interpolation", "proposed")


def wanted_runs(figure: str, seeds: int, methods: Sequence[str]) -> list[Run]:
    """Return the runs that a figure needs.

    Args:
        figure: `"2a"`, `"2b"` or `"2c"`; Figure 1 needs none.
        seeds: Number of seeds per method.
        methods: Methods with data, for `"2a"`.

    Example:

    >>> [run.name for run in wanted_runs("2b", 1, ())]
    ['dafl_seed0', 'dfad_seed0', 'proposed_seed0']
    """
    runs: list[Run] = []
    for seed in range(seeds):
        if figure == "2a":
            runs += [Run(method, seed) for method in LEVELS]
            runs += [Run(method, seed, share) for share in SHARES for method in methods]
        elif figure == "2b":
            runs += [Run(method, seed) for method in CURVES]
        elif figure == "2c":
            runs += [Run(method, seed) for method in ABLATION]
    return runs


def amounts_of_data(
    runs: ComparisonRuns, seeds: int, methods: Sequence[str] = WITH_DATA
) -> dict[str, Any]:
    """Return accuracy against the share of labelled images (Figure 2a).

    Args:
        runs: The runs of the comparison.
        seeds: Number of seeds per method.
        methods: Methods with data.

    Returns:
        `curves` by method, each with `shares`, `images`, `mean` and `deviation` (the sample
        standard deviation over the seeds, None for one seed); `levels` of the methods without
        data, with `mean` and `deviation`; and `teacher_accuracy`. Accuracies are fractions of the
        test set.
    """
    curves: dict[str, Any] = {}
    teacher = None
    for method in methods:
        points = []
        for share in SHARES:
            found = _results(runs, [Run(method, seed, share) for seed in range(seeds)])
            if found:
                teacher = found[0]["teacher_accuracy"]
                points.append((share, found[0]["real_images"], *_spread(_accuracies(found))))
        if points:
            curves[method] = _columns(("shares", "images", "mean", "deviation"), points)
    levels = {}
    for method in LEVELS:
        found = _results(runs, [Run(method, seed) for seed in range(seeds)])
        if found:
            mean, deviation = _spread(_accuracies(found))
            levels[method] = {"mean": mean, "deviation": deviation}
    return {"seeds": seeds, "teacher_accuracy": teacher, "curves": curves, "levels": levels}


def learning_curves(runs: ComparisonRuns, seeds: int, methods: Sequence[str]) -> dict[str, Any]:
    """Return accuracy against epochs, seconds and generated images (Figures 2b, 2c and 2d).

    Args:
        runs: The runs of the comparison.
        seeds: Number of seeds per method.
        methods: Methods without data.

    Returns:
        `curves` by method, each with `epochs`, `seconds`, `images`, `mean`, `deviation` (the
        sample standard deviation) and the number of `seeds`, for the epochs in which every seed
        was measured; and `teacher_accuracy`.
    """
    curves: dict[str, Any] = {}
    teacher = None
    for method in methods:
        found = _results(runs, [Run(method, seed) for seed in range(seeds)])
        if not found:
            continue
        teacher = found[0]["teacher_accuracy"]
        points = _points([result["history"] for result in found])
        if points:
            names = ("epochs", "seconds", "images", "mean", "deviation")
            curves[method] = {**_columns(names, points), "seeds": len(found)}
    return {"seeds": seeds, "teacher_accuracy": teacher, "curves": curves}


def _points(histories: list[dict[str, list[Any]]]) -> list[tuple[Any, ...]]:
    """Return epoch, seconds, images, mean and standard deviation where all seeds were measured."""
    points = []
    for epoch in range(min(len(history["val_accuracy"]) for history in histories)):
        accuracies = [history["val_accuracy"][epoch] for history in histories]
        if None not in accuracies:
            seconds = statistics.fmean(history["seconds"][epoch] for history in histories)
            images = histories[0]["images"][epoch]
            points.append((epoch + 1, seconds, images, *_spread(accuracies)))
    return points


def _columns(names: tuple[str, ...], points: list[tuple[Any, ...]]) -> dict[str, list[Any]]:
    return {name: [point[place] for point in points] for place, name in enumerate(names)}


def _results(runs: ComparisonRuns, wanted: list[Run]) -> list[Result]:
    return [result for run in wanted if (result := runs.result(run))]


def _accuracies(results: list[Result]) -> list[float]:
    return [result["student_accuracy"] for result in results]


def _spread(values: list[float]) -> tuple[float, float | None]:
    """Return the mean and the sample standard deviation, which one value does not have."""
    return statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None
