"""Runs of several methods over seeds, read back and put into one table."""

from __future__ import annotations

import csv
import io
import json
import pathlib
import statistics
from typing import Any

from dfad_tf.methods.method_names import WITH_DATA
from dfad_tf.utils.files import write_atomically, write_json
from dfad_tf.utils.formatting import format_macs

WITHOUT_DATA = ("dafl", "dfad", "dfad+activation", "dfad+interpolation", "proposed")
LATER = ("zskt", "dfq", "dfad+memory", "proposed+memory")
TEACHER = "teacher"
ROWS = (*WITH_DATA, *WITHOUT_DATA, *LATER)

_PUBLISHED = ("teacher", "kd", "fitnet", "at", "ft", "dafl", "dfad", "proposed")
# arXiv 2102.11638, Table 1, in percent; its FitNet has no figure for MNIST.
PAPER: dict[str, dict[str, float | None]] = {
    name: dict(zip(_PUBLISHED, figures, strict=True))
    for name, figures in {
        "mnist": (98.89, 98.67, None, 98.42, 97.84, 98.20, 98.30, 98.41),
        "cifar10": (97.20, 95.55, 96.24, 96.30, 95.29, 88.5, 93.5, 95.42),
        "cifar100": (81.13, 77.61, 80.49, 78.54, 76.93, 61.4, 67.7, 77.05),
    }.items()
}
PAPER_PAIRS = {
    "mnist": ("lenet5", "lenet5_half"),
    "cifar10": ("resnet34", "resnet18"),
    "cifar100": ("resnet34", "resnet18"),
}


def run_name(method: str, seed: int, data_share: float = 1.0) -> str:
    """Name the folder of a run within its comparison."""
    share = "" if data_share == 1 else f"_share{data_share:g}"
    return f"{method}{share}_seed{seed}"


def read_run(folder: pathlib.Path) -> dict[str, Any] | None:
    """Return a finished run's result, with the columns of its `history.csv` as `history`.

    Args:
        folder: The run's folder.

    Returns:
        None where the run is not there, or was cut before its end.
    """
    try:
        result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
        with open(folder / "history.csv", encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, ValueError):
        return None
    if not rows or result.get("student_accuracy") is None:
        return None
    history: dict[str, list[float | None]] = {
        name: [_number(row[name]) for row in rows] for name in rows[0]
    }
    return {**result, "history": history}


def rows(
    runs: dict[tuple[str, int], dict[str, Any]],
    methods: tuple[str, ...] = ROWS,
    failures: dict[str, str] | None = None,
) -> list[dict[str, Any]]:
    """Summarise runs by method.

    Args:
        runs: What `read_run` returns, by method and seed.
        methods: Methods in the order of the table; one without a run gets a row that says so.
        failures: Why a method has no run, where it was tried.

    Returns:
        One entry for the teacher, where anything was run, and one a method. Accuracies are
        shares of the test set; `accuracy` is the last epoch's, its deviation that of a
        sample, and `best_on_the_test_set` what the field often reports: the highest epoch,
        which nobody without test data can choose.
    """
    table = [_row(method, runs, (failures or {}).get(method)) for method in methods]
    return [*_teacher_row(table), *table]


def _teacher_row(table: list[dict[str, Any]]) -> list[dict[str, Any]]:
    ran = [row for row in table if "accuracy" in row]
    if not ran:
        return []
    first, accuracy = ran[0], statistics.fmean(row["teacher_accuracy"] for row in ran)
    same = {name: first[name] for name in first if name.startswith("teacher_")}
    about = {"method": TEACHER, "data": "labelled images", "seeds": [], "status": "run"}
    return [{**about, **same, "teacher_accuracy": accuracy, "paper": first["paper_teacher"]}]


def _row(method: str, runs: dict[tuple[str, int], Any], failure: str | None) -> dict[str, Any]:
    found = {seed: run for (name, seed), run in sorted(runs.items()) if name == method}
    row: dict[str, Any] = {
        "method": method,
        "data": "labelled images" if method in WITH_DATA else "none",
        "seeds": sorted(found),
    }
    if not found:
        return {**row, "status": f"failed: {failure}" if failure else "not run"}
    results = list(found.values())
    last = [result["student_accuracy"] for result in results]
    # The last epoch counts also where `--validation_freq` left it out.
    measured = ([*r["history"]["val_accuracy"], r["student_accuracy"]] for r in results)
    best = [max(value for value in values if value is not None) for values in measured]
    teachers = [result["teacher_accuracy"] for result in results]
    first = results[0]
    dataset = first["dataset"]
    # A cached teacher is called data set, network and a digest of its recipe.
    pair = (pathlib.PurePath(first["teacher"]).stem.rpartition("_")[0], first["student"])
    named = PAPER_PAIRS.get(dataset)
    same_pair = named and pair == (f"{dataset}_{named[0]}", named[1])
    figures = PAPER.get(dataset, {}) if same_pair else {}
    return {
        **row,
        "status": f"failed for some seeds: {failure}" if failure else "run",
        "student_start": first["student_start"],
        "teacher_accuracy": statistics.fmean(teachers),
        "accuracies": last,
        "accuracy": statistics.fmean(last),
        "accuracy_deviation": statistics.stdev(last) if len(last) > 1 else None,
        "best_on_the_test_set": statistics.fmean(best),
        "difference_to_teacher": statistics.fmean(last) - statistics.fmean(teachers),
        "teacher_parameters": first["teacher_parameters"],
        "teacher_macs": first["teacher_macs"],
        "student_parameters": first["student_parameters"],
        "student_macs": first["student_macs"],
        "images_generated": statistics.fmean(r["images_generated"] for r in results),
        "real_images": statistics.fmean(r.get("real_images", 0) for r in results),
        "seconds": statistics.fmean(r["distillation_seconds"] for r in results),
        "paper": figures.get(method),
        "paper_teacher": figures.get("teacher"),
        "made_by": sorted({_made_by(r["versions"]) for r in results}),
    }


def _made_by(versions: dict[str, str]) -> str:
    commit = versions.get("commit")  # which an installed package has not
    return f"commit {commit}" if commit else f"dfad_tf {versions.get('dfad_tf')}"


def write_table(
    table: list[dict[str, Any]], folder: pathlib.Path, title: str, command: str
) -> list[pathlib.Path]:
    """Write `table.md`, `table.json` and `table.csv`, each whole or not at all.

    Args:
        table: What `rows` returns.
        folder: Where to.
        title: What was compared.
        command: The command that made it.

    Returns:
        The three files.
    """
    files = [folder / f"table.{suffix}" for suffix in ("md", "json", "csv")]
    texts = {files[0]: table_text(table, title, command), files[2]: _csv(table)}
    for path, text in texts.items():
        write_atomically(path, _writer(text))
    write_json(files[1], {"title": title, "command": command, "rows": table})
    return files


def _writer(text: str) -> Any:
    return lambda name: pathlib.Path(name).write_text(text, encoding="utf-8")


def table_text(table: list[dict[str, Any]], title: str, command: str) -> str:
    """Write the table as Markdown.

    Args:
        table: What `rows` returns.
        title: What was compared.
        command: The command that made it.
    """
    lines = [f"# {title}", "", f"`{command}`", ""]
    lines += [
        "| method | data | student starts from | seeds | teacher % | student %, last epoch | "
        "to the teacher | best epoch on the test set % | images generated | real images | "
        "seconds | the paper's (its teacher) % |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in table:
        if row["method"] == TEACHER:
            paper = "" if row["paper"] is None else f"{row['paper']:.2f}"
            accuracy = f"{100 * row['teacher_accuracy']:.2f}"
            lines.append(
                f"| {TEACHER} | {row['data']} | | | {accuracy} |" + " |" * 6 + f" {paper} |"
            )
            continue
        if "accuracy" not in row:
            status = row["status"].replace("|", "/")
            lines.append(f"| {row['method']} | {row['data']} | {status} |" + " |" * 9)
            continue
        deviation = row["accuracy_deviation"]
        spread = "" if deviation is None else f" ± {100 * deviation:.2f}"
        paper = "" if row["paper"] is None else f"{row['paper']:.2f} ({row['paper_teacher']:.2f})"
        cells = [
            row["method"] + ("" if row["status"] == "run" else f" ({row['status']})"),
            row["data"],
            row["student_start"].split(" (")[0],
            ", ".join(map(str, row["seeds"])),
            f"{100 * row['teacher_accuracy']:.2f}",
            f"**{100 * row['accuracy']:.2f}**{spread}",
            f"{100 * row['difference_to_teacher']:+.2f}",
            f"{100 * row['best_on_the_test_set']:.2f}",
            f"{row['images_generated']:,.0f}" if row["images_generated"] else "none",
            f"{row['real_images']:,.0f}" if row["real_images"] else "none",
            f"{row['seconds']:.0f}",
            paper,
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", *_notes(table)]) + "\n"


def _notes(table: list[dict[str, Any]]) -> list[str]:
    ran = [row for row in table if "accuracy" in row]
    lines = [
        "Mean and deviation over the seeds of the accuracy on real test images after the last "
        "epoch. The best epoch on the test set is chosen by the test set: nobody without test "
        "data has it, and the papers of the field report it.",
    ]
    if ran:
        teachers = {row["teacher_accuracy"] for row in ran}
        if max(teachers) - min(teachers) > 1e-6:
            lines.append("**These runs are not from one teacher: its accuracy differs.**")
        row = ran[0]
        lines.append(
            f"Teacher: {row['teacher_parameters']:,} parameters, "
            f"{format_macs(row['teacher_macs'])} multiply-adds an image; student: "
            f"{row['student_parameters']:,}, {format_macs(row['student_macs'])}."
        )
        made_by = sorted({version for row in ran for version in row["made_by"]})
        lines.append(f"Measured with {', '.join(made_by)}.")
    return [part for line in lines for part in (line, "")][:-1]


def _csv(table: list[dict[str, Any]]) -> str:
    names = list(dict.fromkeys(name for row in table for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, restval="")
    writer.writeheader()
    for row in table:
        lists = {k: " ".join(map(str, v)) for k, v in row.items() if isinstance(v, list)}
        writer.writerow({**row, **lists})
    return text.getvalue()


def _number(text: str) -> float | None:
    try:
        return float(text)
    except (TypeError, ValueError):
        return None
