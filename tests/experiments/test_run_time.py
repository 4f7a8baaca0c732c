"""The phases of a run, from its files."""

import os

import pytest

from dfad_tf.experiments.run_time import RunTime, mean_time, run_time
from tests.helpers.made_up_runs import write_run


def finished(folder, **result):
    """A run that saved its student at 100 s and its result at 103 s."""
    write_run(folder, [0.5], distillation_seconds=10.0, **result)
    (folder / "student.keras").touch()
    os.utime(folder / "student.keras", (100, 100))
    os.utime(folder / "result.json", (103, 103))
    return folder


def test_the_phases_add_up_to_the_time_of_the_process(tmp_path):
    time = run_time(finished(tmp_path / "run", total_seconds=18.0), 20.5)
    assert time == RunTime(start_up=2.5, preparation=5.0, distillation=10.0, evaluation=3.0)
    assert str(time) == (
        "start-up 2.5 s, preparation 5.0 s, distillation 10.0 s, evaluation and plots 3.0 s"
    )


def test_a_run_that_recorded_no_times_has_no_phases(tmp_path):
    assert run_time(tmp_path / "absent", 20.0) is None
    assert run_time(finished(tmp_path / "old"), 20.0) is None
    complete = finished(tmp_path / "run", total_seconds=18.0)
    (complete / "student.keras").unlink()
    assert run_time(complete, 20.0) is None


def test_the_mean_is_taken_phase_by_phase():
    assert mean_time([RunTime(1.0, 2.0, 3.0, 4.0), RunTime(3.0, 2.0, 5.0, 0.0)]) == RunTime(
        *map(pytest.approx, (2.0, 2.0, 4.0, 2.0))
    )
