"""Collect the evidence of finished runs, and fit the estimate of the trust report to them.

    python -m benchmarks.trust_runs examine runs/* --csv=docs/trust_runs.csv
    python -m benchmarks.trust_runs fit docs/trust_runs.csv --picture=docs/trust_runs.png

A run is a folder of `dfad-train --dataset=NAME`, so that `result.json` has the true agreement of
the student with its teacher on the test images, or of `dfad-train` without a data set, with a
teacher of `own_teachers.py` and `--kind`. `fit` leaves out one data set, teacher or architecture
at a time, and prints how well the estimate of the others fits it, and the constants of
`dfad_tf/trust/estimate.py`.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks import own_teachers

SETS = ("generated", "drawn", "matched", "blended", "corrupted")
MEASURES = ("agreement", "balanced_agreement", "divergence", "class_entropy", "distance")
# What differed between the runs; the others were those of the recipe.
_FLAGS = tuple(
    f"--{name}="
    for name in (
        *("dataset", "teacher", "student", "student_initialization", "method", "seed", "epochs"),
        *("steps_per_epoch", "learning_rate", "procedural_share", "batch_norm_weight"),
        *("label_weight", "memory_size", "generator", "input_range"),
    )
)
# LeNet-5; CNNs without and with batch normalization; residual networks; the ResNet-56.
_ARCHITECTURES = ("lenet5", "plain", "norm", "residual", "resnet56")
# Percentiles of the errors that make the interval. Runs on the same data err alike, so that a few
# data sets do not show the tails: those between 5 and 95 % cover 75 % of the runs on another one.
_BANDS = (0.0, 100.0)


def examine(folder: pathlib.Path, kind: str | None = None) -> dict[str, Any]:
    """Return the row of a finished run.

    Args:
        folder: Its folder, with `result.json`, `flags.flags` and the networks.
        kind: The data of `own_teachers.load` that measure a run without a data set.
    """
    import keras

    from dfad_tf.data.pixel_contract import PixelContract
    from dfad_tf.teachers.loading import load_teacher
    from dfad_tf.teachers.settled_statistics import settle_statistics
    from dfad_tf.trust.report import trust_report

    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    pixels = result["pixels"]
    contract = PixelContract(
        pixels["range"], tuple(pixels["mean"]), tuple(pixels["std"]), pixels["source"]
    )
    own = folder / "teacher.keras"
    teacher = load_teacher(str(own if own.exists() else result["teacher"]))
    if result["teacher_settled_steps"]:
        settle_statistics(teacher)
    student = keras.models.load_model(folder / "student.keras")
    if result["dataset"] is None:
        if kind is None:
            raise SystemExit(f"{folder} names no data set that measured it: name --kind")
        images = own_teachers.load(kind)[1][0]  # from 0 to 1, as these teachers expect them
        answers = (model.predict(images, verbose=0).argmax(1) for model in (teacher, student))
        result |= {"dataset": kind, "agreement": float(np.mean(np.equal(*answers)))}
    report = trust_report(
        teacher,
        student,
        contract,
        keras.models.load_model(folder / "generator.keras"),
    )
    flags = (folder / "flags.flags").read_text(encoding="utf-8").split()
    row = {
        "run": folder.name,
        "dataset": result["dataset"],
        "teacher": pathlib.Path(result["teacher"]).name,
        "student": result["student"],
        "start": result["student_start"],
        "method": result["method"],
        "seed": result["seed"],
        "student_samples": result["student_samples"],
        "distillation_seconds": round(result["distillation_seconds"], 1),
        "true_agreement": result["agreement"],
        "val_agreement": result["val_agreement"],
        "estimated": report.estimate is not None,
    }
    for name, probe in report.probes.items():
        for measure in MEASURES:
            value = getattr(probe, measure)
            row[f"{name}_{measure}"] = "" if value is None else round(value, 4)
    return {**row, "flags": " ".join(flag for flag in flags if flag.startswith(_FLAGS))}


def architecture(row: dict[str, str]) -> str:
    """Return the kind of a run's teacher that its file is named after, or else the file."""
    teacher = row["teacher"]
    return next((kind for kind in _ARCHITECTURES if kind in teacher), teacher)


def features(row: dict[str, str], sets: Sequence[str] | None = None) -> list[float]:
    """Return what the estimate is a function of: an intercept, and a mean over sets of images."""
    from dfad_tf.trust.estimate import FEATURES, log_odds

    found = [log_odds(float(row[f"{name}_balanced_agreement"])) for name in sets or FEATURES]
    return [1.0, sum(found) / len(found)]


def fitted(rows: list[dict[str, str]], sets: Sequence[str] | None = None) -> np.ndarray:
    """Fit the log-odds of the true agreement.

    Args:
        rows: The rows of runs.
        sets: Names of the sets of images; None for those of the product.

    Returns:
        The intercept, and the weight of the feature.
    """
    from dfad_tf.trust.estimate import log_odds

    inputs = np.array([features(row, sets) for row in rows])
    truth = np.array([log_odds(float(row["true_agreement"])) for row in rows])
    # Every data set counts the same.
    sizes = [sum(other["dataset"] == row["dataset"] for other in rows) for row in rows]
    scale = 1 / np.sqrt(np.array(sizes, float))
    return np.linalg.lstsq(inputs * scale[:, None], truth * scale, rcond=None)[0]


def left_out(
    rows: list[dict[str, str]], key: str, sets: Sequence[str] | None = None
) -> dict[str, np.ndarray]:
    """Estimate each run by constants that are fitted without its data set, teacher or architecture.

    Args:
        rows: The rows of runs.
        key: The column whose values are left out one at a time.
        sets: Names of the sets of images; None for those of the product.

    Returns:
        `expected`, `low` and `high`, the agreement of each run.
    """
    from dfad_tf.trust.estimate import log_odds, share

    result = {name: np.zeros(len(rows)) for name in ("expected", "low", "high")}
    for value in {row[key] for row in rows}:
        known = [row for row in rows if row[key] != value]
        inner = {row[key] for row in known}
        errors = []
        for other in inner:  # the interval, too, is that of data that were not seen
            weights = fitted([row for row in known if row[key] != other], sets)
            for row in known:
                if row[key] == other:
                    truth = log_odds(float(row["true_agreement"]))
                    errors.append(truth - float(np.dot(weights, features(row, sets))))
        weights, band = fitted(known, sets), np.percentile(errors, _BANDS)
        for place, row in enumerate(rows):
            if row[key] == value:
                middle = float(np.dot(weights, features(row, sets)))
                result["expected"][place] = share(middle)
                result["low"][place], result["high"][place] = (share(middle + b) for b in band)
    return result


def report(rows: list[dict[str, str]]) -> str:
    """Return how good the estimate is, and the constants that are fitted to all runs."""
    from scipy.stats import spearmanr

    from dfad_tf.trust.estimate import log_odds
    from dfad_tf.trust.verdict import DO_NOT_USE, DOUBTFUL, TRUSTWORTHY, between

    refused = [row["run"] for row in rows if row["estimated"] != "True"]
    rows = [row for row in rows if row["estimated"] == "True"]
    truth = np.array([float(row["true_agreement"]) for row in rows])
    before = np.array([float(row["val_agreement"]) for row in rows])
    lines = [
        f"{len(rows)} runs, {len({row['dataset'] for row in rows})} data sets, "
        f"{len({(row['teacher'], row['student']) for row in rows})} pairs, "
        f"{(truth < 0.6).sum()} below 60 %",
        f"no estimate for {len(refused)} runs: {', '.join(refused) or '-'}",
        f"rank correlation of val_agreement: {spearmanr(before, truth)[0]:.2f}",
    ]
    rows = [{**row, "architecture": architecture(row)} for row in rows]
    for key in ("dataset", "teacher", "architecture"):
        found = left_out(rows, key)
        inside = (found["low"] <= truth) & (truth <= found["high"])
        error = 100 * np.abs(found["expected"] - truth)
        lines.append(
            f"{key} left out: rank correlation {spearmanr(found['expected'], truth)[0]:.2f}, "
            f"mean error {error.mean():.1f} points, interval covers {100 * inside.mean():.0f} %, "
            f"its mean width {100 * (found['high'] - found['low']).mean():.0f} points"
        )
    errors = []
    for value in {row["dataset"] for row in rows}:
        weights = fitted([row for row in rows if row["dataset"] != value])
        errors += [
            log_odds(float(row["true_agreement"])) - float(np.dot(weights, features(row)))
            for row in rows
            if row["dataset"] == value
        ]
    lines.append(f"WEIGHTS = {tuple(round(float(w), 3) for w in fitted(rows))}")
    lines.append(f"BAND = {tuple(round(float(b), 3) for b in np.percentile(errors, _BANDS))}")
    found = left_out(rows, "dataset")
    verdicts = np.array([between(*ends) for ends in zip(found["low"], found["high"], strict=True)])
    for verdict in (TRUSTWORTHY, DOUBTFUL, DO_NOT_USE):
        of = truth[verdicts == verdict]
        if len(of):
            ends = f"{100 * of.min():.1f} to {100 * of.max():.1f} %"
            lines.append(f"{verdict}, data set left out: {len(of)} runs, true agreement {ends}")
    warned = np.array([_has_poor_images(row) for row in rows])
    for name, of in (("below 60 %", truth < 0.6), ("others", truth >= 0.6)):
        lines.append(f"{name}: the early look finds the images of {warned[of].sum()} of {of.sum()}")
    return "\n".join([*lines, *_combinations(rows, truth)])


def _has_poor_images(row: dict[str, str]) -> bool:
    """Return whether `EarlyWarning` would warn of the images at the end of a run."""
    from dfad_tf.trust.early_warning import LARGEST_DISTANCE, LEAST_ENTROPY

    far = float(row["generated_distance"] or 0) > LARGEST_DISTANCE
    return far or float(row["generated_class_entropy"]) < LEAST_ENTROPY


def _combinations(rows: list[dict[str, str]], truth: np.ndarray) -> list[str]:
    """Return the mean error of the estimate from each combination of sets, the best first."""
    chosen = itertools.chain.from_iterable(
        itertools.combinations(SETS, count) for count in range(1, len(SETS) + 1)
    )
    errors = sorted(
        (100 * float(np.abs(left_out(rows, "dataset", sets)["expected"] - truth).mean()), sets)
        for sets in chosen
    )
    return [f"from {' + '.join(sets)}: mean error {error:.1f} points" for error, sets in errors]


def draw(rows: list[dict[str, str]], path: str) -> None:
    """Draw true agreement against `val_agreement` and against the estimate, as a PNG.

    Args:
        rows: The rows of runs.
        path: The file to write.
    """
    from matplotlib.figure import Figure

    rows = [row for row in rows if row["estimated"] == "True"]
    truth = 100 * np.array([float(row["true_agreement"]) for row in rows])
    before = 100 * np.array([float(row["val_agreement"]) for row in rows])
    found = left_out(rows, "dataset")
    figure = Figure(figsize=(9.5, 4.6), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    for name in sorted({row["dataset"] for row in rows}):
        of = np.array([row["dataset"] == name for row in rows])
        left.plot(before[of], truth[of], "o", alpha=0.7, label=name)
        middle, low, high = (100 * found[key][of] for key in ("expected", "low", "high"))
        right.errorbar(
            middle, truth[of], xerr=[middle - low, high - middle], fmt="o", lw=0.7, alpha=0.7
        )
    for panel in (left, right):
        panel.plot([0, 100], [0, 100], color="black", lw=0.7)
        panel.set(xlim=(0, 101), ylim=(0, 101))
        panel.grid(alpha=0.3)
    left.set(xlabel="val_agreement (%)", ylabel="agreement on real test images (%)")
    right.set(xlabel="expected agreement (%), fitted to other data sets")
    left.legend()
    figure.savefig(path, dpi=110)


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.trust_runs",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, dest="command")
    examining = commands.add_parser("examine", help="write the evidence of finished runs")
    examining.add_argument("folders", nargs="+", help="folders of runs")
    examining.add_argument("--kind", choices=["mnist", "digits"], help="data of own teachers")
    examining.add_argument("--csv", required=True, help="table to write")
    fitting = commands.add_parser("fit", help="fit the estimate, and test it on runs left out")
    fitting.add_argument("csv", help="table that `examine` wrote")
    fitting.add_argument("--picture", help="PNG to write")
    given = parser.parse_args()
    if given.command == "examine":
        rows = []
        for folder in given.folders:
            rows.append(examine(pathlib.Path(folder), given.kind))
            print(f"{rows[-1]['run']}: {100 * rows[-1]['true_agreement']:.1f} %", flush=True)
        with open(given.csv, "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        return
    with open(given.csv, encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    print(report(table))
    if given.picture:
        draw(table, given.picture)


if __name__ == "__main__":
    main()
