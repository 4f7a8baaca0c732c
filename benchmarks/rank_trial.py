"""How well validation without data ranks students: `python -m benchmarks.rank_trial RUN...`.

Reads `history.csv` of runs that were measured on labelled images after each epoch. Prints
Spearman's rank correlation of `val_agreement` and `val_divergence` with accuracy, and the accuracy
of the epoch that each of them selects, compared with the last epoch.
"""

from __future__ import annotations

import argparse
import csv
import pathlib
import sys
from collections.abc import Sequence

import numpy as np
from scipy.stats import spearmanr

# The sign with which each measure grows with the quality of the student.
MEASURES = {"val_agreement": 1.0, "val_divergence": -1.0}

History = dict[str, np.ndarray]


def history(run: pathlib.Path) -> History:
    """Read the measures and the accuracy of every epoch of a run.

    Args:
        run: The run's folder.

    Raises:
        SystemExit: If the run has no complete history.
    """
    names = (*MEASURES, "val_accuracy")
    try:
        with open(run / "history.csv", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        return {name: np.array([float(row[name]) for row in rows]) for name in names}
    except (OSError, KeyError, ValueError) as error:
        sys.exit(
            f"Expected a run whose history.csv has {', '.join(names)} for every epoch. "
            f"Received: {run} ({error})"
        )


def correlation(values: np.ndarray, accuracies: np.ndarray) -> float:
    """Return Spearman's rank correlation."""
    return float(spearmanr(values, accuracies)[0])


def report(runs: Sequence[History]) -> None:
    """Print rank correlations, and the gain of selecting the epoch by each measure."""
    accuracies = [run["val_accuracy"] for run in runs]
    for name, sign in MEASURES.items():
        values = [sign * run[name] for run in runs]
        within = [correlation(*pair) for pair in zip(values, accuracies, strict=True)]
        ends = correlation(
            np.array([value[-1] for value in values]), np.array([a[-1] for a in accuracies])
        )
        pooled = correlation(np.concatenate(values), np.concatenate(accuracies))
        gains = [
            100 * (accuracy[np.argmax(value)] - accuracy[-1])
            for value, accuracy in zip(values, accuracies, strict=True)
        ]
        print(
            f"{name}: epochs of one run {np.mean(within):.2f} ({min(within):.2f} to "
            f"{max(within):.2f}); last epochs of {len(runs)} runs {ends:.2f}; all epochs together "
            f"{pooled:.2f}; accuracy of the selected epoch minus the last: {np.mean(gains):+.2f} "
            f"points ({min(gains):+.2f} to {max(gains):+.2f})"
        )


def main() -> None:
    """Report on the runs of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", nargs="+", type=pathlib.Path, metavar="RUN", help="folder of a run")
    report([history(run) for run in parser.parse_args().runs])


if __name__ == "__main__":
    main()
