"""The seconds of the stages of a run."""

import types

from dfad_tf.runs.stage_clock import StageClock


def test_stages_follow_one_another(monkeypatch):
    now = iter([10.0, 12.5, 13.0])
    monkeypatch.setattr("dfad_tf.runs.stage_clock.time.monotonic", lambda: next(now))
    clock = StageClock(types.SimpleNamespace(seconds=60.0, seconds_to_first_step=7.0))
    clock.end("measuring")
    clock.end("export")
    assert clock.seconds == {"start": 7.0, "distillation": 60.0, "measuring": 2.5, "export": 0.5}
    assert list(clock.seconds) == ["start", "distillation", "measuring", "export"]


def test_a_start_that_was_not_measured_is_left_out():
    done = types.SimpleNamespace(seconds=60.0, seconds_to_first_step=None)
    assert list(StageClock(done).seconds) == ["distillation"]
