"""The paper's figures, drawn from saved data."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from dfad_tf.utils.files import write_atomically

_NAMES = {
    "labels": "labels alone",
    "kd": "KD",
    "fitnet": "FitNet",
    "at": "AT",
    "ft": "FT",
    "dafl": "dafl (the paper's DFL)",
    "dfad": "dfad (the paper's DFAL)",
}
_PLACES = {"epochs": "epoch", "seconds": "seconds of training", "images": "images generated"}


def draw_moons(data: dict[str, Any], path: pathlib.Path) -> None:
    """Draw Figure 1: the teacher's boundary, generated points, the students' boundaries.

    Args:
        data: What `moons_experiment` returns.
        path: The PNG to write.
    """
    moments = data["moments"]
    columns, rows = len(moments) + 2, len(data["methods"])
    figure = Figure(figsize=(2.6 * columns, 2.5 * rows + 0.5), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    points, labels = np.array(data["points"]), np.array(data["labels"])
    for row, (name, method) in zip(panels, data["methods"].items(), strict=True):
        _field(row[0], data["teacher"], data["extent"])
        _moons(row[0], points, labels)
        row[0].set_title(f"teacher and its data, {100 * data['teacher_accuracy']:.1f} %")
        row[0].set_ylabel(f"{name}\nsecond coordinate")
        for panel, moment, drawn in zip(row[1:-1], moments, method["generated"], strict=True):
            _field(panel, data["teacher"], data["extent"])
            panel.scatter(*np.array(drawn).T, s=5, color="black", alpha=0.6)
            steps = moment * data["steps_per_epoch"]
            panel.set_title(f"generated, step {steps}")
        _field(row[-1], method["student"], data["extent"])
        _moons(row[-1], points, labels)
        row[-1].set_title(f"its student, {100 * method['accuracy']:.1f} %")
    for panel in panels[-1]:
        panel.set_xlabel("first coordinate")
    for panel in panels.ravel():
        panel.title.set_fontsize(9)
        panel.set(xlim=data["extent"][:2], ylim=data["extent"][2:])
    figure.suptitle(
        "Two moons: colour is a network's probability of the second moon, the line its boundary; "
        f"no student saw a point of the data (seed {data['seed']})",
        fontsize=10,
    )
    _save(figure, path)


def draw_amounts(data: dict[str, Any], path: pathlib.Path) -> None:
    """Draw Figure 2a: accuracy against the share of labelled images.

    Args:
        data: What `amounts_of_data` returns.
        path: The PNG to write.
    """
    figure = Figure(figsize=(7.5, 4.5), layout="constrained")
    panel = figure.subplots()
    for name, curve in data["curves"].items():
        shares = 100 * np.array(curve["shares"])
        _band(panel, shares, curve, f"{_NAMES.get(name, name)}, with data", marker="o")
    styles = ("--", "-.", ":")
    for (name, level), style in zip(data["levels"].items(), styles, strict=False):
        mean, deviation = 100 * level["mean"], 100 * (level["deviation"] or 0.0)
        panel.axhline(mean, ls=style, color="black", label=f"{_NAMES.get(name, name)}, no data")
        panel.axhspan(mean - deviation, mean + deviation, color="black", alpha=0.08, lw=0)
    panel.set_xscale("log")
    ticks = [100 * share for share in _shares(data)]
    panel.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    panel.minorticks_off()
    panel.set(
        xlabel="labelled training images used (%)",
        ylabel="student's accuracy on real test images (%)",
    )
    _finish(figure, panel, data)
    _save(figure, path)


def draw_curves(data: dict[str, Any], path: pathlib.Path, places: tuple[str, ...]) -> None:
    """Draw Figures 2b to 2d: accuracy while a student is distilled.

    Args:
        data: What `learning_curves` returns.
        path: The PNG to write.
        places: What to draw it against: `"epochs"`, `"seconds"`, `"images"`.
    """
    figure = Figure(figsize=(1.2 + 4.4 * len(places), 4.2), layout="constrained")
    panels = figure.subplots(1, len(places), squeeze=False, sharey=True)[0]
    for panel, place in zip(panels, places, strict=True):
        for name, curve in data["curves"].items():
            marker = "." if len(curve["mean"]) < 30 else ""
            _band(panel, np.array(curve[place]), curve, _NAMES.get(name, name), marker=marker)
        panel.set(xlabel=_PLACES[place])
        panel.xaxis.set_major_formatter(EngFormatter(sep=" "))
    everything = [value for curve in data["curves"].values() for value in curve["mean"]]
    top = 100 * max([*everything, data["teacher_accuracy"]])
    # The first epochs are far below what the methods differ by.
    low = 100 * float(np.percentile(everything, 10))
    panels[0].set_ylim(low - 0.15 * (top - low), top + 0.08 * (top - low))
    panels[0].set(ylabel="student's accuracy on real test images (%)")
    for panel in panels:
        _finish(figure, panel, data, legend=panel is panels[-1])
    _save(figure, path)


def _band(panel: Any, places: np.ndarray, curve: dict[str, Any], label: str, marker: str) -> None:
    mean = 100 * np.array(curve["mean"])
    deviation = 100 * np.array([value or 0.0 for value in curve["deviation"]])
    (line,) = panel.plot(places, mean, marker=marker, label=label, lw=1.3)
    panel.fill_between(
        places, mean - deviation, mean + deviation, color=line.get_color(), alpha=0.18, lw=0
    )


def _finish(figure: Any, panel: Any, data: dict[str, Any], legend: bool = True) -> None:
    panel.axhline(100 * data["teacher_accuracy"], color="black", lw=1, label="the teacher")
    panel.grid(alpha=0.3)
    if legend:
        panel.legend(fontsize=8)
        seeds = data["seeds"]
        about = f"Mean of {seeds} seeds, bands of one deviation" if seeds > 1 else "One seed"
        figure.suptitle(about, fontsize=10)


def _shares(data: dict[str, Any]) -> list[float]:
    return sorted({share for curve in data["curves"].values() for share in curve["shares"]})


def _field(panel: Any, probabilities: Any, extent: list[float]) -> None:
    values = np.array(probabilities)
    panel.imshow(
        values, origin="lower", extent=extent, cmap="coolwarm", alpha=0.5, vmin=0, vmax=1,
        aspect="auto",
    )  # fmt: skip
    xs = np.linspace(extent[0], extent[1], values.shape[1])
    ys = np.linspace(extent[2], extent[3], values.shape[0])
    if values.min() < 0.5 < values.max():
        panel.contour(xs, ys, values, levels=[0.5], colors="black", linewidths=1)


def _moons(panel: Any, points: np.ndarray, labels: np.ndarray) -> None:
    for moon, colour in ((0, "tab:blue"), (1, "tab:red")):
        panel.scatter(*points[labels == moon].T, s=3, color=colour, alpha=0.5)


def _save(figure: Any, path: pathlib.Path) -> None:
    write_atomically(path, lambda name: figure.savefig(name, dpi=110, format="png"))
