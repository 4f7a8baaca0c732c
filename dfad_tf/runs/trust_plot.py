"""The picture of a trust report."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from dfad_tf.trust.report import TrustReport
from dfad_tf.utils.files import write_atomically

_COLOURS = {"trustworthy": "tab:green", "doubtful": "tab:orange", "do not use": "tab:red"}
_ABOVE: dict[str, Any] = {"loc": "lower center", "bbox_to_anchor": (0.5, 1), "fontsize": 8}


def draw_trust(report: TrustReport, path: pathlib.Path, title: str) -> None:
    """Draw agreement, classes and distances of the probe sets, as a PNG.

    Args:
        report: The report.
        path: The file to write.
        title: Title of the plot.
    """
    with_distances = any(each.layer_distances for each in report.probes.values())
    count = 3 if with_distances else 2
    figure = Figure(figsize=(4.3 * count, 3.8), layout="constrained")
    panels = figure.subplots(1, count)
    names, rows = list(report.probes), np.arange(len(report.probes))
    found = list(report.probes.values())
    panel = panels[0]
    panel.barh(rows, [100 * each.balanced_agreement for each in found], color="tab:blue")
    panel.set_yticks(rows, names)
    panel.invert_yaxis()
    panel.set(xlim=(0, 103), xlabel="same class as the teacher (%), by class")
    if report.stability:
        same = report.stability.same
        places = [names.index(name) for name in same]
        panel.plot([100 * share for share in same.values()], places, "D", color="tab:orange")
        panel.lines[-1].set_label("same class as a second student")
        panel.legend(**_ABOVE)
    if report.estimate:
        low, high = 100 * report.estimate.low, 100 * report.estimate.high
        panel.axvspan(low, high, color="black", alpha=0.15, label="expected on real data")
        panel.legend(**_ABOVE)
    if report.real:
        at = 100 * report.real.agreement
        ends = [[at - 100 * report.real.low], [100 * report.real.high - at]]
        panel.errorbar([at], [len(rows)], xerr=ends, fmt="o", color="black", capsize=3)
        panel.set_yticks(np.arange(len(rows) + 1), [*names, f"{report.real.images} real images"])
    panel = panels[1]
    panel.barh(rows - 0.2, [100 * e.class_entropy for e in found], 0.4, label="evenness of classes")
    panel.barh(rows + 0.2, [100 * e.confidence for e in found], 0.4, label="teacher's confidence")
    panel.set_yticks(rows, names)
    panel.invert_yaxis()
    panel.set(xlim=(0, 103), xlabel="teacher's answers (%)")
    panel.legend(**_ABOVE, ncols=2)
    if with_distances:
        panel = panels[2]
        for name, each in report.probes.items():
            panel.plot(np.arange(1, 1 + len(each.layer_distances)), each.layer_distances, ".-")
            panel.lines[-1].set_label(name)
        halves = np.median([each.layer_half_distances for each in found], axis=0)
        panel.plot(np.arange(1, 1 + len(halves)), halves, ":", color="black", label="two halves")
        panel.set(
            yscale="log", xlabel="batch normalization of the teacher",
            ylabel="distance from its statistics (nats)",
        )  # fmt: skip
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        panel.grid(alpha=0.3)
        panel.legend(**_ABOVE, ncols=3)
    figure.suptitle(f"{title}: {report.verdict}", color=_COLOURS[report.verdict])
    write_atomically(path, lambda name: figure.savefig(name, dpi=110, format="png"))
