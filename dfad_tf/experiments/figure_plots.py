"""The paper's figures, drawn from saved data."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from dfad_tf.utils.files import write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NAMES = {
    "labels": "labels only",
    "kd": "KD",
    "fitnet": "FitNet",
    "at": "AT",
    "ft": "FT",
    "dafl": "dafl (the paper's DFL)",
    "dfad": "dfad (the paper's DFAL)",
}
_AXIS_LABELS = {"epochs": "epoch", "seconds": "seconds of training", "images": "generated images"}
_ACCURACY = "student accuracy on real test images (%)"


def draw_figure(figure: str, folder: pathlib.Path) -> None:
    """Draw a figure from its JSON file into a PNG beside it.

    Args:
        figure: `"1"`, `"2a"`, `"2b"` or `"2c"`.
        folder: Folder of `figure1.json`, `figure2a.json`, ….
    """
    data = json.loads((folder / f"figure{figure}.json").read_text(encoding="utf-8"))
    path = folder / f"figure{figure}.png"
    if figure == "1":
        draw_moons(data, path)
    elif figure == "2a":
        draw_amounts(data, path)
    else:
        draw_curves(data, path, ("epochs", "seconds", "images") if figure == "2b" else ("images",))


def draw_moons(data: dict[str, Any], path: pathlib.Path) -> None:
    """Draw Figure 1: decision boundaries of teacher and students, and generated points.

    Args:
        data: Result of `moons_experiment`.
        path: PNG file to write.
    """
    epochs, extent = data["epochs"], data["extent"]
    columns, rows = len(epochs) + 2, len(data["methods"])
    figure = Figure(figsize=(2.6 * columns, 2.5 * rows + 0.5), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    points, labels = np.array(data["points"]), np.array(data["labels"])
    for row, (name, method) in zip(grid, data["methods"].items(), strict=True):
        _draw_probabilities(row[0], data["teacher"], extent)
        _draw_points(row[0], points, labels)
        row[0].set_title(f"teacher and its data, {100 * data['teacher_accuracy']:.1f} %")
        row[0].set_ylabel(f"{name}\nsecond coordinate")
        for axes, epoch, generated in zip(row[1:-1], epochs, method["generated"], strict=True):
            _draw_probabilities(axes, data["teacher"], extent)
            xs, ys = np.array(generated).T
            axes.scatter(xs, ys, s=5, color="black", alpha=0.6)
            axes.set_title(f"generated, step {epoch * data['steps_per_epoch']}")
        _draw_probabilities(row[-1], method["student"], extent)
        _draw_points(row[-1], points, labels)
        row[-1].set_title(f"student, {100 * method['accuracy']:.1f} %")
    for axes in grid[-1]:
        axes.set_xlabel("first coordinate")
    for axes in grid.ravel():
        axes.title.set_fontsize(9)
        axes.set(xlim=extent[:2], ylim=extent[2:])
    figure.suptitle(
        "Two moons. Color: probability of the second moon; line: decision boundary. "
        f"The students were trained without these points (seed {data['seed']})",
        fontsize=10,
    )
    _save(figure, path)


def draw_amounts(data: dict[str, Any], path: pathlib.Path) -> None:
    """Draw Figure 2a: accuracy against the share of labelled images.

    Args:
        data: Result of `amounts_of_data`.
        path: PNG file to write.
    """
    figure = Figure(figsize=(7.5, 4.5), layout="constrained")
    axes = figure.subplots()
    for name, curve in data["curves"].items():
        shares = 100 * np.array(curve["shares"])
        _draw_curve(axes, shares, curve, f"{_NAMES.get(name, name)}, with data", marker="o")
    styles = ("--", "-.", ":")
    for (name, level), style in zip(data["levels"].items(), styles, strict=False):
        mean, deviation = 100 * level["mean"], 100 * (level["deviation"] or 0.0)
        label = f"{_NAMES.get(name, name)}, without data"
        axes.axhline(mean, ls=style, color="black", label=label)
        axes.axhspan(mean - deviation, mean + deviation, color="black", alpha=0.08, lw=0)
    axes.set_xscale("log")
    used = {share for curve in data["curves"].values() for share in curve["shares"]}
    ticks = [100 * share for share in sorted(used)]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set(xlabel="labelled training images used (%)", ylabel=_ACCURACY)
    _draw_teacher(axes, data)
    _add_legend(figure, axes, data)
    _save(figure, path)


def draw_curves(data: dict[str, Any], path: pathlib.Path, columns: Sequence[str]) -> None:
    """Draw Figures 2b to 2d: accuracy during the distillation.

    Args:
        data: Result of `learning_curves`.
        path: PNG file to write.
        columns: Quantities on the horizontal axes: `"epochs"`, `"seconds"`, `"images"`.
    """
    figure = Figure(figsize=(1.2 + 4.4 * len(columns), 4.2), layout="constrained")
    grid = figure.subplots(1, len(columns), squeeze=False, sharey=True)[0]
    for axes, column in zip(grid, columns, strict=True):
        for name, curve in data["curves"].items():
            marker = "." if len(curve["mean"]) < 30 else ""
            label = _NAMES.get(name, name)
            _draw_curve(axes, np.array(curve[column]), curve, label, marker=marker)
        axes.set(xlabel=_AXIS_LABELS[column])
        axes.xaxis.set_major_formatter(EngFormatter(sep=" "))
        _draw_teacher(axes, data)
    means = [value for curve in data["curves"].values() for value in curve["mean"]]
    top = 100 * max([*means, data["teacher_accuracy"]])
    # The first epochs are far below the range in which the methods differ.
    low = 100 * float(np.percentile(means, 10))
    grid[0].set_ylim(low - 0.15 * (top - low), top + 0.08 * (top - low))
    grid[0].set(ylabel=_ACCURACY)
    _add_legend(figure, grid[-1], data)
    _save(figure, path)


def _draw_curve(
    axes: Axes, places: np.ndarray, curve: dict[str, Any], label: str, marker: str
) -> None:
    """Draw the mean over the seeds, with a band of one standard deviation."""
    mean = 100 * np.array(curve["mean"])
    deviation = 100 * np.array([value or 0.0 for value in curve["deviation"]])
    (line,) = axes.plot(places, mean, marker=marker, label=label, lw=1.3)
    axes.fill_between(
        places, mean - deviation, mean + deviation, color=line.get_color(), alpha=0.18, lw=0
    )


def _draw_teacher(axes: Axes, data: dict[str, Any]) -> None:
    axes.axhline(100 * data["teacher_accuracy"], color="black", lw=1, label="teacher")
    axes.grid(alpha=0.3)


def _add_legend(figure: Figure, axes: Axes, data: dict[str, Any]) -> None:
    axes.legend(fontsize=8)
    seeds = data["seeds"]
    several = f"Mean of {seeds} seeds; bands: one standard deviation"
    figure.suptitle(several if seeds > 1 else "One seed", fontsize=10)


def _draw_probabilities(axes: Axes, probabilities: list[Any], extent: list[float]) -> None:
    """Draw the probability of the second moon as a color, and its contour at one half."""
    values = np.array(probabilities)
    left, right, bottom, top = extent
    axes.imshow(
        values,
        origin="lower",
        extent=(left, right, bottom, top),
        cmap="coolwarm",
        alpha=0.5,
        vmin=0,
        vmax=1,
        aspect="auto",
    )
    xs = np.linspace(left, right, values.shape[1])
    ys = np.linspace(bottom, top, values.shape[0])
    if values.min() < 0.5 < values.max():
        axes.contour(xs, ys, values, levels=[0.5], colors="black", linewidths=1)


def _draw_points(axes: Axes, points: np.ndarray, labels: np.ndarray) -> None:
    for moon, color in ((0, "tab:blue"), (1, "tab:red")):
        xs, ys = points[labels == moon].T
        axes.scatter(xs, ys, s=3, color=color, alpha=0.5)


def _save(figure: Figure, path: pathlib.Path) -> None:
    write_atomically(path, lambda name: figure.savefig(name, dpi=110, format="png"))
