"""The table of a comparison, checked by hand computation on invented runs."""

import csv
import json
import statistics

import pytest
from matplotlib import image as reader

from dfad_tf import methods
from dfad_tf.experiments import (
    comparison,
    comparison_plot,
    comparison_table,
    published_results,
)
from dfad_tf.methods import data_methods
from tests.helpers.made_up_runs import write_run


@pytest.fixture
def runs(tmp_path):
    """Two seeds of `proposed`, and one of `kd` whose best epoch is not its last."""
    made = {
        ("proposed", 0): ([0.5, 0.97, 0.95], {"distillation_seconds": 10.0}),
        ("proposed", 1): ([None, 0.91], {"distillation_seconds": 20.0, "teacher_accuracy": 0.97}),
        ("kd", 0): (
            [0.99, 0.98],
            {"images_generated": 0, "real_images": 60_000, "student_start": "random weights"},
        ),
    }
    found = {}
    for (method, seed), (epochs, more) in made.items():
        folder = tmp_path / comparison.run_name(method, seed)
        write_run(folder, epochs, method=method, **more)
        found[method, seed] = comparison.read_run(folder)
    return found


def by_method(table):
    return {row["method"]: row for row in table}


def test_a_row_is_the_mean_of_its_seeds(runs):
    row = by_method(comparison.rows(runs))["proposed"]
    assert row["seeds"] == [0, 1] and row["status"] == "run" and row["data"] == "none"
    assert row["accuracies"] == [0.95, 0.91]
    assert row["accuracy"] == pytest.approx(0.93)
    # The sample standard deviation: √((0.02² + 0.02²) / (2 − 1)).
    assert row["accuracy_deviation"] == pytest.approx(0.0008**0.5)
    assert row["best_on_the_test_set"] == pytest.approx((0.97 + 0.91) / 2)
    assert row["teacher_accuracy"] == pytest.approx(0.98)
    assert row["difference_to_teacher"] == pytest.approx(0.93 - 0.98)
    assert row["seconds"] == 15.0
    assert row["images_generated"] == 1000 and row["real_images"] == 0
    assert row["student_samples"] == 5000
    assert row["made_by"] == ["commit abc1234"]
    run = {**runs["kd", 0], "versions": {"dfad_tf": "0.4.0"}}  # of an installed package
    row = by_method(comparison.rows({("kd", 0): run}))["kd"]
    assert row["made_by"] == ["dfad_tf 0.4.0"]
    del run["student_samples"]  # of an earlier version
    table = comparison.rows({("kd", 0): run})
    assert by_method(table)["kd"]["student_samples"] is None
    assert "| 60,000 |  |" in comparison_table.table_text(table, "", "")


def test_one_seed_has_no_standard_deviation(runs):
    row = by_method(comparison.rows(runs))["kd"]
    assert row["accuracy_deviation"] is None and row["accuracy"] == 0.98
    assert row["best_on_the_test_set"] == 0.99
    assert row["data"] == "labelled images" and row["real_images"] == 60_000


def test_methods_without_a_run_have_a_row_that_reports_why(runs):
    failures = {"dfq": "no memory", "proposed": "seed 2 was interrupted"}
    table = comparison.rows(runs, failures=failures)
    assert [row["method"] for row in table] == ["teacher", *comparison.ROWS]
    assert [row["method"] for row in comparison.rows({})] == list(comparison.ROWS)
    rows = by_method(table)
    assert rows["dafl"] == {"method": "dafl", "data": "none", "seeds": [], "status": "not run"}
    assert rows["at"]["data"] == "labelled images"
    assert rows["dfq"]["status"] == "failed: no memory" and "accuracy" not in rows["dfq"]
    assert rows["proposed"]["status"] == "failed for some seeds: seed 2 was interrupted"
    assert rows["proposed"]["accuracy"] == pytest.approx(0.93)
    some = comparison.rows(runs, ("kd", "dafl"))
    assert [row["method"] for row in some] == ["teacher", "kd", "dafl"]


def test_every_method_can_be_compared():
    assert set(comparison.WITH_DATA) == set(data_methods.DATA_METHODS)
    assert set(comparison.ROWS) <= {*data_methods.DATA_METHODS, *methods.METHODS}
    assert {name.removesuffix("+memory") for name in methods.METHODS} <= set(comparison.ROWS)
    assert len(set(comparison.ROWS)) == len(comparison.ROWS)
    for figures in published_results.PAPER.values():
        assert set(figures) <= {"teacher", *comparison.ROWS}


def test_published_accuracies_are_shown_only_for_the_published_pair(runs):
    row = by_method(comparison.rows(runs))
    assert (row["proposed"]["paper"], row["proposed"]["paper_teacher"]) == (98.41, 98.89)
    assert row["kd"]["paper"] == 98.67
    for other in (
        {"student": "compact_8"},
        {"teacher": "/x/mnist_resnet34_0123456789.keras"},
        {"teacher": "/home/_lenet5_/mine.keras"},
        {"teacher": "/x/mnist_lenet5_half_0123456789.keras"},
        {"dataset": "digits"},
        {"dataset": "cifar10"},
    ):
        changed = {key: {**run, **other} for key, run in runs.items()}
        row = by_method(comparison.rows(changed))["proposed"]
        assert row["paper"] is None and row["paper_teacher"] is None, other


@pytest.mark.parametrize(
    ("dataset", "pair", "method", "figures"),
    [
        ("cifar10", ("resnet34", "resnet18"), "dafl", (88.5, 97.20)),
        ("cifar100", ("resnet34", "resnet18"), "ft", (76.93, 81.13)),
        ("mnist", ("lenet5", "lenet5_half"), "fitnet", (None, 98.89)),
        ("mnist", ("lenet5", "lenet5_half"), "dfq", (None, 98.89)),
    ],
)
def test_published_accuracies(runs, dataset, pair, method, figures):
    run = {**runs["kd", 0], "dataset": dataset, "student": pair[1]}
    run["teacher"] = f"/x/{dataset}_{pair[0]}_0123456789.keras"
    teacher, row = comparison.rows({(method, 0): run}, (method,))
    assert (row["paper"], row["paper_teacher"]) == figures and teacher["paper"] == figures[1]


def test_the_last_accuracy_counts_as_an_epoch(tmp_path):
    write_run(tmp_path / "run", [None, None], student_accuracy=0.7)
    run = comparison.read_run(tmp_path / "run")
    row = comparison.rows({("kd", 0): run}, ("kd",))[-1]
    assert (row["accuracy"], row["best_on_the_test_set"]) == (0.7, 0.7)
    write_run(tmp_path / "zero", [0.0], student_accuracy=0.0)
    row = comparison.rows({("kd", 0): comparison.read_run(tmp_path / "zero")}, ("kd",))[-1]
    assert (row["accuracy"], row["best_on_the_test_set"]) == (0.0, 0.0)


def test_an_incomplete_run_is_not_read(tmp_path):
    folder = tmp_path / "run"
    assert comparison.read_run(folder) is None
    write_run(folder, [0.25, None, 0.5], method="kd")
    run = comparison.read_run(folder)
    assert run["history"] == {
        "epoch": [0.0, 1.0, 2.0],
        "val_accuracy": [0.25, None, 0.5],
        "images": [500.0, 1000.0, 1500.0],
        "seconds": [5.0, 10.0, 15.0],
    }
    assert run["method"] == "kd" and run["student_accuracy"] == 0.5
    text = (folder / "result.json").read_text()
    for damaged in ("", text[:-9], json.dumps({**json.loads(text), "student_accuracy": None})):
        (folder / "result.json").write_text(damaged)
        assert comparison.read_run(folder) is None
    (folder / "result.json").write_text(text)
    (folder / "history.csv").write_text("epoch,val_accuracy\n")
    assert comparison.read_run(folder) is None
    (folder / "history.csv").unlink()
    assert comparison.read_run(folder) is None


def test_names_of_runs():
    assert comparison.run_name("proposed+memory", 2) == "proposed+memory_seed2"
    assert comparison.run_name("kd", 0, 0.1) == "kd_share0.1_seed0"


def test_the_three_files_hold_the_table(runs, tmp_path):
    table = comparison.rows(runs, failures={"dfq": "no memory"})
    files = comparison_table.write_table(table, tmp_path, "A title", "a command --with=flags")
    assert [path.name for path in files] == ["table.md", "table.json", "table.csv"]
    content = json.loads(files[1].read_text())
    assert content == {"title": "A title", "command": "a command --with=flags", "rows": table}
    rows = {row["method"]: row for row in csv.DictReader(files[2].open(newline=""))}
    assert list(rows) == ["teacher", *comparison.ROWS]
    assert float(rows["proposed"]["accuracy"]) == statistics.fmean([0.95, 0.91])
    assert rows["proposed"]["accuracies"] == "0.95 0.91" and rows["proposed"]["seeds"] == "0 1"
    assert rows["dafl"]["status"] == "not run" and rows["dafl"]["accuracy"] == ""
    text = files[0].read_text()
    assert text.startswith("# A title\n\n`a command --with=flags`\n")
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len(lines) == 3 + len(comparison.ROWS)
    assert {line.count("|") for line in lines} == {14}
    cells = {line.split("|")[1].strip(): [c.strip() for c in line.split("|")] for line in lines}
    assert cells["proposed"][2:-1] == [
        "none", "the teacher's filters", "0, 1", "98.00", "**93.00** ± 2.83", "-5.00", "94.00",
        "1,000", "none", "5,000", "15",
        "98.41 (98.89)",
    ]  # fmt: skip
    assert cells["teacher"][5] == "98.50" and cells["teacher"][-2] == "98.89"
    assert cells["kd"][3] == "random weights"
    assert cells["kd"][6:11] == ["**98.00**", "-1.00", "99.00", "none", "60,000"]
    assert cells["kd"][11] == "5,000"
    assert cells["dafl"][3] == "not run" and cells["dfq"][3] == "failed: no memory"
    assert "61,706 parameters" in text and "133.7 k" in text and "commit abc1234" in text
    assert "do not share one teacher" in text  # its accuracy is 0.97 in one of them


def test_a_row_reports_that_a_seed_failed(runs):
    table = comparison.rows(runs, ("proposed",), {"proposed": "out | of memory"})
    assert "| proposed (failed for some seeds: out / of memory) |" in comparison_table.table_text(
        table, "A title", "a command"
    )


def test_a_table_without_any_run_can_be_written(tmp_path):
    comparison_table.write_table(comparison.rows({}), tmp_path, "A title", "a command")
    assert "not run" in (tmp_path / "table.md").read_text()


def test_the_plot_shows_the_rows_with_runs(runs, tmp_path):
    comparison_plot.draw_table(comparison.rows(runs), tmp_path / "two.png")
    comparison_plot.draw_table(comparison.rows(runs, ("kd",)), tmp_path / "one.png")
    two, one = (reader.imread(tmp_path / f"{name}.png") for name in ("two", "one"))
    assert two.shape[0] > one.shape[0] and two[..., :3].std() > 0.05
