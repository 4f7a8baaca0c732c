"""Runs of a comparison: only those that are missing are made, and one that fails is noted."""

import os
import subprocess

import pytest

from dfad_tf.experiments.comparison_runs import ComparisonRuns, Run
from tests.helpers.made_up_runs import StandIn, write_run


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    return StandIn(tmp_path, monkeypatch)


@pytest.fixture
def runs(tmp_path):
    return ComparisonRuns(tmp_path / "comparison", ["--dataset=digits"])


WANTED = [Run("kd", 0), Run("dfad+memory", 0), Run("kd", 1)]


def names(lines):
    """Method and seed of each command line."""
    return [tuple(part.split("=")[1] for part in line.split()[3:5]) for line in lines]


def present(runs):
    return sorted(path.name for path in runs.folder.iterdir() if path.is_dir())


def test_a_run_has_the_shared_flags_and_its_own(stand_in, runs):
    runs.complete([Run("kd", 2, 0.25)])
    (line,) = stand_in.asked()
    words = line.split()
    assert words[:6] == [
        "-m", "dfad_tf.train", "--dataset=digits", "--method=kd", "--seed=2", "--data_share=0.25",
    ]  # fmt: skip
    assert words[7:] == ["--export=none", "--verbose=2"]
    assert words[6].startswith("--workdir=")
    assert present(runs) == ["kd_share0.25_seed2"]
    log = runs.folder / "kd_share0.25_seed2" / "log.txt"
    assert log.read_text() == "All is well\n"


def test_what_is_there_is_not_made_again(stand_in, runs, capsys):
    runs.complete(WANTED)
    assert names(stand_in.asked()) == [("kd", "0"), ("dfad+memory", "0"), ("kd", "1")]
    assert present(runs) == ["dfad+memory_seed0", "kd_seed0", "kd_seed1"]
    assert runs.result(Run("kd", 1))["student_accuracy"] == pytest.approx(0.91)
    output = capsys.readouterr().out
    assert "3 runs: 0 are there, 3 are to be made." in output
    assert "3 of 3  kd_seed1" in output and "91.00 %" in output
    before = {path: path.stat().st_mtime_ns for path in runs.folder.rglob("result.json")}
    runs.complete([*WANTED, Run("kd", 1)])
    assert stand_in.asked() == []
    assert before == {path: path.stat().st_mtime_ns for path in runs.folder.rglob("result.json")}
    assert "3 runs: 3 are there, 0 are to be made." in capsys.readouterr().out


def test_a_run_that_was_cut_is_made_again(stand_in, runs):
    runs.complete(WANTED)
    (runs.folder / "kd_seed0" / "result.json").unlink()
    dead = subprocess.Popen(["true"])
    dead.wait()
    stale, others = (runs.folder / f".run-{pid}-abc" / "run" for pid in (dead.pid, os.getppid()))
    write_run(stale, [0.1])
    write_run(others, [0.1])  # of a command that is at work
    stand_in.asked()
    runs.complete(WANTED)
    assert names(stand_in.asked()) == [("kd", "0")]
    assert runs.result(WANTED[0]) is not None
    assert not stale.exists() and others.exists()


def test_a_run_that_fails_says_why_and_the_others_are_made(stand_in, runs, capsys):
    stand_in.failing("kd")
    runs.complete(WANTED)
    assert list(runs.failures) == ["kd_seed0", "kd_seed1"]
    log = runs.folder / "failed_kd_seed0.txt"
    assert runs.failures["kd_seed0"] == f"it did not work (status 1; {log})"
    assert "it did not work" in log.read_text()
    assert present(runs) == ["dfad+memory_seed0"]
    assert "failed: it did not work" in capsys.readouterr().out
    stand_in.failing()
    stand_in.asked()
    runs.complete(WANTED)
    assert runs.failures == {} and names(stand_in.asked()) == [("kd", "0"), ("kd", "1")]
    assert not log.exists()


def test_a_run_that_leaves_no_result_has_failed(stand_in, runs):
    stand_in.path.write_text("#!/bin/sh\necho said last\n")
    runs.complete(WANTED[:1])
    log = runs.folder / "failed_kd_seed0.txt"
    assert runs.failures == {"kd_seed0": f"said last (status 0; {log})"} and present(runs) == []
    stand_in.path.write_text("#!/bin/sh\nexit 3\n")
    runs.complete(WANTED[:1])
    assert runs.failures == {"kd_seed0": f"it said nothing (status 3; {log})"}
    stand_in.path.write_text("#!/bin/sh\necho Epoch 1\nkill -9 $$\n")
    runs.complete(WANTED[:1])
    assert runs.failures == {"kd_seed0": f"Epoch 1 (killed by signal 9; {log})"}


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="no affinities here")
def test_several_at_a_time_are_all_made(stand_in, tmp_path):
    runs = ComparisonRuns(tmp_path / "comparison", [], jobs=2)
    runs.complete(WANTED)
    assert present(runs) == ["dfad+memory_seed0", "kd_seed0", "kd_seed1"]
    assert runs.failures == {} and len(stand_in.asked()) == 3


def test_stopped_in_the_middle_its_runs_end_and_leave_nothing(tmp_path, stand_in, monkeypatch):
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
    ((process, _),) = started
    assert process.poll() is not None and present(runs) == []
