"""The plot of a comparison."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from dfad_tf.experiments.comparison import Row
from dfad_tf.utils.files import write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLORS = {"labelled images": "tab:orange", "none": "tab:blue"}


def draw_table(table: Sequence[Row], path: pathlib.Path) -> None:
    """Draw the accuracy of every run by method, and that of the teacher, as a PNG.

    Args:
        table: Result of `comparison.rows`, with at least one run.
        path: File to write.
    """
    measured = [row for row in table if "accuracy" in row]
    figure = Figure(figsize=(8, 1.2 + 0.34 * len(measured)), layout="constrained")
    axes = figure.subplots()
    for place, row in enumerate(measured):
        _draw_row(axes, place, row)
    teacher = 100 * np.mean([row["teacher_accuracy"] for row in measured])
    axes.axvline(teacher, color="black", lw=1)
    axes.set_yticks(range(len(measured)), [row["method"] for row in measured])
    axes.invert_yaxis()
    axes.set(xlabel="accuracy on real test images after the last epoch (%)")
    axes.grid(alpha=0.3, axis="x")
    marks = [
        ("o", COLORS["labelled images"], "one seed, with data"),
        ("o", COLORS["none"], "one seed, without data"),
        ("|", "0.3", "mean over the seeds"),
        ("_", "black", "teacher (vertical line)"),
    ]
    if any(row["paper"] is not None for row in measured):
        marks.append(("x", "0.5", "published, from its own teacher"))
    for marker, color, label in marks:
        axes.plot([], [], marker, color=color, label=label)
    figure.legend(loc="outside lower center", ncols=3, fontsize=8)
    write_atomically(path, lambda name: figure.savefig(name, dpi=110, format="png"))


def _draw_row(axes: Axes, place: int, row: Row) -> None:
    color, accuracies = COLORS[row["data"]], 100 * np.array(row["accuracies"])
    axes.plot(accuracies, [place] * len(accuracies), "o", color=color, alpha=0.6, markersize=5)
    axes.plot([100 * row["accuracy"]], [place], "|", color=color, markersize=16, mew=2)
    if row["paper"] is not None:
        axes.plot([row["paper"]], [place], "x", color="0.5")
