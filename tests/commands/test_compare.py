"""The command that compares: one real small comparison, and one-line errors."""

import json

import pytest

from dfad_tf import compare
from dfad_tf.utils.errors import InputError
from tests.command_line.test_shell import command
from tests.conftest import small_classifier
from tests.helpers.command import run
from tests.helpers.made_up_runs import StandIn, write_run

TINY = (
    "--dataset=digits", "--image_shape=8,8,1", "--epochs=1", "--steps_per_epoch=1",
    "--batch_size=8", "--teacher_epochs=1", "--generator=compact_32", "--precision=float32",
    "--student_steps=1",
)  # fmt: skip


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    """Flags that name a teacher and a student as files, and their pixels."""
    folder = tmp_path_factory.mktemp("networks")
    for name, filters in (("teacher", 4), ("student", 2)):
        small_classifier((8, 8, 1), 10, filters).save(folder / f"{name}.keras")
    # Random weights need not determine the pixels, so a test must not depend on their answers.
    files = [f"--{name}={folder / name}.keras" for name in ("teacher", "student")]
    return [*files, "--input_range=zero_one"]


def compared(folder, networks, *arguments):
    run(*TINY, *networks, f"--workdir={folder}", *arguments, main=compare.main)


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    return StandIn(tmp_path, monkeypatch)


def rows(folder):
    content = json.loads((folder / "table.json").read_text())
    return {row["method"]: row for row in content["rows"]}


@pytest.mark.slow
def test_a_small_real_comparison(tmp_path, networks):
    folder = tmp_path / "comparison"
    arguments = (
        *TINY, *networks, "--methods=dfad,labels", "--seeds=1",
        f"--workdir={folder}",
    )  # fmt: skip
    done = command(*arguments, module="compare")
    assert done.returncode == 0, done.stderr
    assert {path.name for path in folder.iterdir()} == {
        "comparison.json", "table.md", "table.json", "table.csv", "table.png", "runs",
    }  # fmt: skip
    assert {path.name for path in (folder / "runs").iterdir()} == {"dfad_seed0", "labels_seed0"}
    found = rows(folder)
    assert found["dfad"]["images_generated"] == 16 and found["dfad"]["real_images"] == 0
    assert found["labels"]["images_generated"] == 0 and found["labels"]["real_images"] == 1347
    assert found["dfad"]["student_samples"] == 8
    assert found["labels"]["student_samples"] == 1347
    assert found["kd"]["status"] == "not run"
    result = json.loads((folder / "runs" / "dfad_seed0" / "result.json").read_text())
    assert found["dfad"]["accuracies"] == [result["student_accuracy"]]
    assert "| dfad | none | the teacher's filters | 0 |" in done.stdout
    assert "| labels | labelled images |" in done.stdout
    assert "| kd |" not in done.stdout and "not run" not in done.stdout
    assert str(folder) in done.stdout
    assert "--methods=dfad,labels" in (folder / "table.md").read_text()


@pytest.mark.slow
def test_an_interrupted_comparison_continues(tmp_path, networks, stand_in):
    folder = tmp_path / "comparison"
    compared(folder, networks, "--methods=kd,proposed", "--seeds=2")
    seeds = [line.split("--method=")[1].split()[:2] for line in stand_in.commands()]
    # Seed by seed, in the order of the table.
    assert seeds == [
        ["kd", "--seed=0"], ["proposed", "--seed=0"], ["kd", "--seed=1"], ["proposed", "--seed=1"],
    ]  # fmt: skip
    results = {path: path.stat().st_mtime_ns for path in folder.rglob("result.json")}
    compared(folder, networks, "--methods=kd,proposed", "--seeds=2")
    assert stand_in.commands() == []
    assert results == {path: path.stat().st_mtime_ns for path in folder.rglob("result.json")}
    (folder / "runs" / "kd_seed1" / "result.json").unlink()
    compared(folder, networks, "--methods=proposed,kd", "--seeds=2", "--jobs=2")
    assert len(stand_in.commands()) == 1
    # Further methods and seeds are added, and the files have every run of the folder.
    compared(folder, networks, "--methods=at", "--seeds=1")
    found = rows(folder)
    assert found["kd"]["seeds"] == [0, 1] and found["at"]["seeds"] == [0]
    assert found["kd"]["accuracy"] == pytest.approx(0.905)


@pytest.mark.slow
def test_only_the_requested_rows_are_printed(tmp_path, networks, stand_in, capsys):
    folder = tmp_path / "comparison"
    compared(folder, networks, "--methods=kd,proposed", "--seeds=2")
    everything = (folder / "table.md").read_text()
    capsys.readouterr()
    compared(folder, networks, "--methods=kd", "--seeds=1")
    printed = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert [line.split("|")[1].strip() for line in printed] == ["method", "---", "teacher", "kd"]
    assert "**90.00** |" in printed[-1]  # of seed 0 alone
    # The files still have both methods and both seeds.
    lines = (folder / "table.md").read_text().splitlines()
    assert [line for line in lines if line.startswith("|")] == [
        line for line in everything.splitlines() if line.startswith("|")
    ]
    assert rows(folder)["kd"]["seeds"] == rows(folder)["proposed"]["seeds"] == [0, 1]


def test_a_comparison_of_failures_alone_writes_no_table(tmp_path, networks, stand_in, capsys):
    stand_in.failing("kd")
    folder = tmp_path / "comparison"
    with pytest.raises(InputError, match="1 run failed"):
        compared(folder, networks, "--methods=kd", "--seeds=1")
    assert not (folder / "table.md").exists() and "|" not in capsys.readouterr().out


def test_runs_share_the_given_flags_and_no_others(tmp_path, networks, stand_in):
    folder = tmp_path / "comparison"
    compared(folder, networks, "--methods=dafl", "--seeds=1", "--verbose=0")
    (line,) = stand_in.commands()
    given = line.split()[1:]
    flags = [flag for flag in given if not flag.startswith("--workdir=")]
    assert sorted(flags[:-6]) == sorted([*TINY, *networks])
    added = ["--method=dafl", "--seed=0", "--export=none", "--noplots"]
    added += ["--trust=off", "--verbose=2"]
    assert flags[-6:] == added


@pytest.mark.slow
def test_a_failing_method_does_not_stop_the_others(tmp_path, networks, stand_in):
    stand_in.failing("proposed")
    folder = tmp_path / "comparison"
    with pytest.raises(InputError, match="1 run failed.*proposed_seed0: it did not") as caught:
        compared(folder, networks, "--methods=proposed,kd", "--seeds=1")
    assert "\n" not in str(caught.value)
    found = rows(folder)
    assert found["kd"]["status"] == "run"
    assert found["proposed"]["status"].startswith("failed: it did not work (status 1; ")


def test_runs_without_a_measured_epoch_are_compared(tmp_path, networks, stand_in):
    folder = tmp_path / "comparison"
    compared(folder, networks, "--methods=kd", "--seeds=1")
    write_run(folder / "runs" / "kd_seed1", [None], student_accuracy=0.5)
    compared(folder, networks, "--methods=kd", "--seeds=2")
    assert rows(folder)["kd"]["best_on_the_test_set"] == pytest.approx(0.7)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--methods=kd,proposd"], "Unknown method in --methods.*Did you mean 'proposed'"),
        (["--methods=kd,KD"], "--methods to name every method once.*kd twice"),
        (["--methods="], "--methods to name every method once.*none"),
        (["--seeds=0"], "--seeds to be at least 1. Received: 0"),
        (["--method=kd"], "no --method, which the comparison sets.*--methods.*kd"),
        (["--seed=3"], "no --seed, which the comparison sets.*--seeds.*3"),
        (["--data_share=0.5"], "no --data_share"),
        (["--export=all"], "no --export"),
        (["--methods=at", "--teacher_layers=nothing"], "`teacher_layers` to name.*'nothing'"),
        (["--methods=labels,zskt", "--student_layers=nothing"], "`student_layers`.*'nothing'"),
        (["--methods=dfad", "--steps_per_execution=3"], "--steps_per_execution to divide"),
        (["--learning_rate=nan"], "--learning_rate to be a finite"),
    ],
)
def test_invalid_flags_are_reported_before_any_work(
    tmp_path, networks, stand_in, arguments, message
):
    folder = tmp_path / "comparison"
    with pytest.raises(InputError, match=message) as caught:
        compared(folder, networks, *arguments)
    assert "\n" not in str(caught.value)
    assert not folder.exists() and stand_in.commands() == []


@pytest.mark.parametrize("methods", ["dfad,kd", "dfad"])
def test_a_comparison_needs_a_data_set(tmp_path, networks, stand_in, methods):
    with pytest.raises(InputError, match="--dataset"):
        run(
            *TINY[2:], *networks, f"--methods={methods}", f"--workdir={tmp_path / 'comparison'}",
            main=compare.main,
        )  # fmt: skip
    assert not (tmp_path / "comparison").exists() and stand_in.commands() == []


def test_a_comparison_needs_a_folder(networks):
    with pytest.raises(InputError, match="Expected --workdir, the folder of the comparison"):
        run(*TINY, *networks, main=compare.main)


def content(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_other_settings_need_another_folder(tmp_path, networks, stand_in):
    folder = tmp_path / "comparison"
    compared(folder, networks, "--methods=kd", "--seeds=1")
    before = content(folder)
    stand_in.commands()
    with pytest.raises(InputError, match="differ in --epochs=1 --epochs=2. Choose another"):
        compared(folder, networks, "--methods=kd", "--epochs=2")
    with pytest.raises(InputError, match="differ in --learning_rate=0.1. Choose another"):
        compared(folder, networks, "--methods=kd", "--learning_rate=0.1")
    assert content(folder) == before and stand_in.commands() == []
    (folder / "comparison.json").write_text("{}")
    with pytest.raises(InputError, match="to describe a comparison"):
        compared(folder, networks, "--methods=kd")


def test_a_folder_with_other_content_is_not_touched(tmp_path, networks, stand_in):
    folder = tmp_path / "precious"
    folder.mkdir()
    (folder / "letter.txt").write_text("precious")
    with pytest.raises(InputError, match="contains something else"):
        compared(folder, networks, "--methods=kd")
    assert list(content(folder).values()) == [b"precious"] and stand_in.commands() == []
    with pytest.raises(InputError, match="--workdir"):
        compared(folder / "letter.txt", networks, "--methods=kd")


@pytest.mark.slow
def test_a_missing_teacher_is_trained_once_before_the_runs(tmp_path, stand_in):
    cache = tmp_path / "teachers"
    run(
        *TINY, "--teacher_model=mlp", "--student=mlp", f"--teacher_cache={cache}",
        "--methods=kd,dfad", "--seeds=1", f"--workdir={tmp_path / 'comparison'}",
        main=compare.main,
    )  # fmt: skip
    assert len(list(cache.glob("*.keras"))) == 1 and len(stand_in.commands()) == 2
