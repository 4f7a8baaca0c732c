"""The runs of a comparison: only missing ones are carried out, and failures are recorded."""

import logging
import os
import subprocess

import pytest

from dfad_tf.experiments.comparison_runs import ComparisonRuns, Run
from dfad_tf.utils.errors import InputError
from tests.helpers.made_up_runs import StandIn, write_run


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    return StandIn(tmp_path, monkeypatch)


@pytest.fixture
def runs(tmp_path):
    return ComparisonRuns(tmp_path / "comparison", ["--dataset=digits"])


@pytest.fixture
def progress(caplog):
    caplog.set_level(logging.INFO, "dfad_tf")
    return caplog


WANTED = [Run("kd", 0), Run("dfad+memory", 0), Run("kd", 1)]


def names(lines):
    """Method and seed of each command line."""
    return [tuple(part.split("=")[1] for part in line.split()[2:4]) for line in lines]


def present(runs):
    return sorted(path.name for path in runs.folder.iterdir() if path.is_dir())


def test_a_run_has_the_shared_flags_and_its_own(stand_in, runs):
    runs.complete([Run("kd", 2, 0.25)])
    (line,) = stand_in.commands()
    words = line.split()
    assert words[:5] == [
        "dfad_tf.train", "--dataset=digits", "--method=kd", "--seed=2", "--data_share=0.25",
    ]  # fmt: skip
    assert words[5].startswith("--workdir=")
    assert words[6:] == ["--export=none", "--noplots", "--trust=off", "--verbose=2"]
    assert present(runs) == ["kd_share0.25_seed2"]
    log = runs.folder / "kd_share0.25_seed2" / "log.txt"
    assert log.read_text() == "All is well\n"
    assert stand_in.cores == [None]


def test_finished_runs_are_not_repeated(stand_in, runs, progress):
    runs.complete(WANTED)
    assert names(stand_in.commands()) == [("kd", "0"), ("dfad+memory", "0"), ("kd", "1")]
    assert present(runs) == ["dfad+memory_seed0", "kd_seed0", "kd_seed1"]
    assert runs.result(Run("kd", 1))["student_accuracy"] == pytest.approx(0.91)
    assert "3 runs: 0 are finished, 3 to do." in progress.text
    assert "3 of 3  kd_seed1" in progress.text and "91.00 %" in progress.text
    before = {path: path.stat().st_mtime_ns for path in runs.folder.rglob("result.json")}
    progress.clear()
    runs.complete([*WANTED, Run("kd", 1)])
    assert stand_in.commands() == []
    assert before == {path: path.stat().st_mtime_ns for path in runs.folder.rglob("result.json")}
    assert progress.messages == ["3 runs: 3 are finished, 0 to do."]


def test_progress_is_logged_and_nothing_is_printed(stand_in, runs, progress, capsys):
    runs.complete(WANTED[:1])
    assert len(progress.messages) == 2
    assert capsys.readouterr() == ("", "")


def test_the_phases_of_runs_that_recorded_them_are_reported(stand_in, runs, progress):
    stand_in.path.write_text(
        stand_in.path.read_text()
        + "folder = pathlib.Path(given['workdir'])\n"
        + "(folder / 'student.keras').touch()\n"
        + "import os; os.utime(folder / 'student.keras', (100, 100))\n"
        + "os.utime(folder / 'result.json', (102, 102))\n"
    )
    runs.complete(WANTED[:1])
    # The stand-in's result has no total time yet.
    assert "start-up" not in progress.text
    text = stand_in.path.read_text()
    stand_in.path.write_text(text.replace("method=given", "total_seconds=15.0, method=given"))
    runs.complete(WANTED)
    phases = "preparation 3.0 s, distillation 10.0 s, evaluation and plots 2.0 s"
    assert progress.text.count(phases) == 3 and "Mean time of a run: start-up" in progress.text


def test_an_interrupted_run_starts_again(stand_in, runs):
    runs.complete(WANTED)
    (runs.folder / "kd_seed0" / "result.json").unlink()
    dead = subprocess.Popen(["true"])
    dead.wait()
    stale, others = (runs.folder / f".run-{pid}-abc" / "run" for pid in (dead.pid, os.getppid()))
    write_run(stale, [0.1])
    write_run(others, [0.1])  # belongs to a command that is running
    stand_in.commands()
    runs.complete(WANTED)
    assert names(stand_in.commands()) == [("kd", "0")]
    assert runs.result(WANTED[0]) is not None
    assert not stale.exists() and others.exists()


def test_a_failure_is_reported_and_the_other_runs_are_carried_out(stand_in, runs, progress):
    stand_in.failing("kd")
    runs.complete(WANTED)
    assert list(runs.failures) == ["kd_seed0", "kd_seed1"]
    log = runs.folder / "failed_kd_seed0.txt"
    assert runs.failures["kd_seed0"] == f"it did not work (status 1; {log})"
    assert runs.failures_of(WANTED[1:]) == {"kd": runs.failures["kd_seed1"]}
    assert runs.failures_of(WANTED[1:2]) == {}
    assert "it did not work" in log.read_text()
    assert present(runs) == ["dfad+memory_seed0"]
    assert "failed: it did not work" in progress.text
    with pytest.raises(InputError, match="^2 runs failed, the first of them kd_seed0: it did not"):
        runs.check_failures()
    stand_in.failing()
    stand_in.commands()
    runs.complete(WANTED)
    runs.check_failures()
    assert runs.failures == {} and names(stand_in.commands()) == [("kd", "0"), ("kd", "1")]
    assert not log.exists()


def test_a_run_without_a_result_has_failed(stand_in, runs):
    stand_in.path.write_text("#!/bin/sh\necho said last\n")
    runs.complete(WANTED[:1])
    log = runs.folder / "failed_kd_seed0.txt"
    assert runs.failures == {"kd_seed0": f"said last (status 0; {log})"} and present(runs) == []
    stand_in.path.write_text("#!/bin/sh\nexit 3\n")
    runs.complete(WANTED[:1])
    assert runs.failures == {"kd_seed0": f"no output (status 3; {log})"}
    stand_in.path.write_text("#!/bin/sh\necho Epoch 1\nkill -9 $$\n")
    runs.complete(WANTED[:1])
    assert runs.failures == {"kd_seed0": f"Epoch 1 (ended by signal 9; {log})"}


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="the system has no affinities")
def test_simultaneous_runs_divide_the_processors(stand_in, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2, 5})
    runs = ComparisonRuns(tmp_path / "comparison", [], jobs=2)
    runs.complete(WANTED)
    assert present(runs) == ["dfad+memory_seed0", "kd_seed0", "kd_seed1"]
    assert runs.failures == {} and len(stand_in.commands()) == 3
    assert stand_in.cores[:2] == [[0, 2], [1, 5]] and stand_in.cores[2] in ([0, 2], [1, 5])


def test_recorded_runs_are_those_with_all_data_and_a_folder(runs):
    for run in (Run("dfad", 3), Run("dfad+memory", 0), Run("dfad", 0), Run("kd", 0, 0.5)):
        write_run(runs.folder / run.name, [0.5])
    (runs.folder / "failed_kd_seed0.txt").touch()
    assert runs.recorded(("kd", "dfad", "dfad+memory", "at")) == [
        Run("dfad", 0), Run("dfad", 3), Run("dfad+memory", 0),
    ]  # fmt: skip
    assert set(runs.results([Run("dfad", 0), Run("dfad", 1)])) == {("dfad", 0)}


def test_an_interrupted_comparison_stops_its_runs_and_removes_their_folders(
    tmp_path, stand_in, monkeypatch
):
    stand_in.path.write_text("#!/bin/sh\nexec sleep 60\n")
    runs = ComparisonRuns(tmp_path / "comparison", [])
    started, start = [], runs._start

    def recorded(run, place):
        started.append(start(run, place))
        return started[-1]

    def stop(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(runs, "_start", recorded)
    monkeypatch.setattr("dfad_tf.experiments.comparison_runs.time.sleep", stop)
    with pytest.raises(KeyboardInterrupt):
        runs.complete(WANTED)
    (one,) = started
    assert one.process.poll() is not None and present(runs) == []
