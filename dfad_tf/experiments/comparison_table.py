"""The table of a comparison as Markdown, JSON and CSV."""

from __future__ import annotations

import csv
import io
import pathlib
from collections.abc import Sequence

from dfad_tf.experiments.comparison import TEACHER, Row
from dfad_tf.utils.files import write_json, write_text
from dfad_tf.utils.formatting import format_macs

_COLUMNS = (
    "method",
    "data",
    "student starts from",
    "seeds",
    "teacher %",
    "student %, last epoch",
    "difference to the teacher",
    "best epoch on the test set %",
    "images generated",
    "real images",
    "student samples",
    "seconds",
    "published (its teacher) %",
)


def write_table(
    table: Sequence[Row], folder: pathlib.Path, title: str, command: str
) -> list[pathlib.Path]:
    """Write `table.md`, `table.json` and `table.csv`, each atomically.

    Args:
        table: Result of `comparison.rows`.
        folder: Folder for the files.
        title: Title of the comparison.
        command: Command line that reproduces it.

    Returns:
        The three files.
    """
    markdown, data, values = (folder / f"table.{suffix}" for suffix in ("md", "json", "csv"))
    write_text(markdown, table_text(table, title, command))
    write_text(values, _csv(table))
    write_json(data, {"title": title, "command": command, "rows": list(table)})
    return [markdown, data, values]


def table_text(table: Sequence[Row], title: str, command: str) -> str:
    """Format the table as Markdown.

    Args:
        table: Result of `comparison.rows`.
        title: Title of the comparison.
        command: Command line that reproduces it.
    """
    lines = [f"# {title}", "", f"`{command}`", ""]
    lines += [_line(_COLUMNS), "|" + "---|" * len(_COLUMNS)]
    lines += [_line(_cells(row)) for row in table]
    return "\n".join([*lines, "", *_notes(table)]) + "\n"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join([*cells, *[""] * (len(_COLUMNS) - len(cells))]) + " |"


def _cells(row: Row) -> list[str]:
    if row["method"] == TEACHER:
        published = "" if row["paper"] is None else f"{row['paper']:.2f}"
        accuracy = f"{100 * row['teacher_accuracy']:.2f}"
        return [TEACHER, row["data"], "", "", accuracy, *[""] * 7, published]
    if "accuracy" not in row:
        return [row["method"], row["data"], row["status"].replace("|", "/")]
    deviation = row["accuracy_deviation"]
    spread = "" if deviation is None else f" ± {100 * deviation:.2f}"
    published = "" if row["paper"] is None else f"{row['paper']:.2f} ({row['paper_teacher']:.2f})"
    status = "" if row["status"] == "run" else f" ({row['status']})".replace("|", "/")
    return [
        row["method"] + status,
        row["data"],
        row["student_start"].split(" (")[0],
        ", ".join(map(str, row["seeds"])),
        f"{100 * row['teacher_accuracy']:.2f}",
        f"**{100 * row['accuracy']:.2f}**{spread}",
        f"{100 * row['difference_to_teacher']:+.2f}",
        f"{100 * row['best_on_the_test_set']:.2f}",
        f"{row['images_generated']:,.0f}" if row["images_generated"] else "none",
        f"{row['real_images']:,.0f}" if row["real_images"] else "none",
        "" if row["student_samples"] is None else f"{row['student_samples']:,.0f}",
        f"{row['seconds']:.0f}",
        published,
    ]


def _notes(table: Sequence[Row]) -> list[str]:
    measured = [row for row in table if "accuracy" in row]
    lines = [
        "Mean and standard deviation over the seeds of the accuracy on real test images after the "
        "last epoch. The best epoch on the test set is selected by the test set: it is not "
        "available without test data, but publications often report it. Student samples are the "
        "images that the student was trained on, repetitions included. Seconds are those of the "
        "distillation alone.",
    ]
    if measured:
        teachers = {row["teacher_accuracy"] for row in measured}
        if max(teachers) - min(teachers) > 1e-6:
            lines.append("**These runs do not share one teacher: its accuracy differs.**")
        row = measured[0]
        lines.append(
            f"Teacher: {row['teacher_parameters']:,} parameters, "
            f"{format_macs(row['teacher_macs'])} multiply-adds per image; student: "
            f"{row['student_parameters']:,}, {format_macs(row['student_macs'])}."
        )
        versions = sorted({version for row in measured for version in row["made_by"]})
        lines.append(f"Measured with {', '.join(versions)}.")
    return [part for line in lines for part in (line, "")][:-1]


def _csv(table: Sequence[Row]) -> str:
    names = list(dict.fromkeys(name for row in table for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, restval="")
    writer.writeheader()
    for row in table:
        lists = {k: " ".join(map(str, v)) for k, v in row.items() if isinstance(v, list)}
        writer.writerow({**row, **lists})
    return text.getvalue()
