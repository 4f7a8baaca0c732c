"""A comparison as pictures."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from dfad_tf.utils.files import write_atomically

KINDS = {"labelled images": "tab:orange", "none": "tab:blue"}


def draw_table(table: list[dict[str, Any]], path: pathlib.Path) -> None:
    """Draw every run's accuracy, method by method, beside the teacher's, as a PNG.

    Args:
        table: What `comparison.rows` returns.
        path: The file to write.
    """
    ran = [row for row in table if "accuracy" in row]
    figure = Figure(figsize=(8, 1.2 + 0.34 * len(ran)), layout="constrained")
    panel = figure.subplots()
    for place, row in enumerate(ran):
        colour = KINDS[row["data"]]
        panel.plot(100 * np.array(row["accuracies"]), [place] * len(row["accuracies"]), "o",
                   color=colour, alpha=0.6, markersize=5)  # fmt: skip
        panel.plot([100 * row["accuracy"]], [place], "|", color=colour, markersize=16, mew=2)
        if row["paper"] is not None:
            panel.plot([row["paper"]], [place], "x", color="0.5")
    teacher = 100 * np.mean([row["teacher_accuracy"] for row in ran])
    panel.axvline(teacher, color="black", lw=1)
    panel.set_yticks(range(len(ran)), [row["method"] for row in ran])
    panel.invert_yaxis()
    panel.set(xlabel="accuracy on real test images after the last epoch (%)")
    marks = [
        ("o", KINDS["labelled images"], "a seed, with data"),
        ("o", KINDS["none"], "a seed, without data"),
        ("|", "0.3", "mean"),
        ("_", "black", "the teacher (line)"),
    ]
    if any(row["paper"] is not None for row in ran):
        marks.append(("x", "0.5", "the paper's, from its own teacher"))
    for marker, colour, label in marks:
        panel.plot([], [], marker, color=colour, label=label)
    figure.legend(loc="outside lower center", ncols=3, fontsize=8)
    panel.grid(alpha=0.3, axis="x")
    write_atomically(path, lambda name: figure.savefig(name, dpi=110, format="png"))
