"""How well validation without data ranks students: `python -m benchmarks.rank_trial RUN...`.

Reads `history.csv` of runs that were measured on labelled images after each epoch, and says how
`val_agreement` and `val_divergence` rank their students, and what choosing by them would give.
"""

import csv
import pathlib
import sys

import numpy as np
from scipy.stats import spearmanr

MEASURES = {"val_agreement": 1.0, "val_divergence": -1.0}


def history(run):
    with open(pathlib.Path(run) / "history.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {
        name: np.array([float(row[name]) for row in rows]) for name in (*MEASURES, "val_accuracy")
    }


def correlation(values, accuracies):
    return float(spearmanr(values, accuracies)[0])


def report(runs):
    """Print rank correlations with accuracy, and the accuracy of the chosen beside the last."""
    for name, sign in MEASURES.items():
        within = [correlation(sign * run[name], run["val_accuracy"]) for run in runs]
        ends = correlation(
            [sign * run[name][-1] for run in runs], [run["val_accuracy"][-1] for run in runs]
        )
        pooled = correlation(
            np.concatenate([sign * run[name] for run in runs]),
            np.concatenate([run["val_accuracy"] for run in runs]),
        )
        gains = [
            100 * (run["val_accuracy"][np.argmax(sign * run[name])] - run["val_accuracy"][-1])
            for run in runs
        ]
        print(
            f"{name}: epochs of a run {np.mean(within):.2f} ({min(within):.2f} to "
            f"{max(within):.2f}); ends of {len(runs)} runs {ends:.2f}; all together {pooled:.2f}; "
            f"the epoch chosen by it less the last: {np.mean(gains):+.2f} points "
            f"({min(gains):+.2f} to {max(gains):+.2f})"
        )


if __name__ == "__main__":
    report([history(run) for run in sys.argv[1:]])
