"""The plan comes before a missing teacher is trained; a run of days needs --yes."""

import pytest

from dfad_tf.command_line import planning, recipes, teacher_builder
from dfad_tf.data import datasets
from dfad_tf.runs import estimates
from dfad_tf.runs.plan import Plan
from dfad_tf.utils.errors import InputError
from tests.helpers.command import parse, run

HOUR = 3600.0


def plan(seconds, **parts):
    parse()
    teacher = teacher_builder.untrained_teacher_from_flags()
    return Plan("title", teacher, {"teacher": teacher.model}, "random weights", "float32",
                seconds={"distillation": seconds, **parts})  # fmt: skip


def test_a_short_run_is_announced_without_a_hint(capsys):
    planning.announce(plan(60.0))
    output = capsys.readouterr().out
    assert "about 1 min 0 s" in output and "more than an hour" not in output


def test_a_run_of_hours_names_a_smaller_recipe(capsys):
    long = plan(2 * HOUR)
    parse("--dataset=cifar10")
    planning.announce(long)
    output = capsys.readouterr().out
    assert "more than an hour. --flagfile=cifar10_smoke.flags is a smaller run" in output
    assert recipes.recipe_path("cifar10_smoke")


def test_a_run_of_days_on_a_cpu_needs_yes(capsys):
    long = plan(30 * HOUR)
    parse("--dataset=cifar10")
    with pytest.raises(InputError, match="30 h 0 min on this CPU.*--yes.*cifar10_smoke.flags"):
        planning.announce(long)
    parse("--dataset=cifar10", "--yes")
    planning.announce(long)
    assert "Plan: title" in capsys.readouterr().out


def test_on_a_gpu_a_run_of_days_starts(monkeypatch, capsys):
    long = plan(30 * HOUR)
    monkeypatch.setattr(estimates, "has_gpu", lambda: True)
    planning.announce(long)
    assert "more than an hour" in capsys.readouterr().out


def test_the_error_names_the_time_of_the_training_of_a_teacher():
    long = plan(HOUR, **{planning._TEACHER: 40 * HOUR})
    with pytest.raises(InputError, match="teacher's training takes 40 h 0 min.*--teacher=FILE"):
        planning.announce(long)


def test_the_whole_plan_is_printed_before_a_missing_teacher_is_trained(tmp_path, capsys):
    parse(f"--teacher_cache={tmp_path}", "--teacher_model=mlp")
    planning.announce_teacher_training(datasets.open_dataset("digits"))
    output = capsys.readouterr().out
    for words in ("mlp: ", "lenet5_half: ", "compact: ", "of teacher training",
                  "of distillation", "disk", "CPU with", "40 epochs on digits"):  # fmt: skip
        assert words in output
    assert not list(tmp_path.iterdir())


def test_train_stops_before_the_teacher_of_a_run_of_days(tmp_path, monkeypatch):
    monkeypatch.setattr(estimates, "teacher_seconds", lambda *_: 50 * HOUR)
    monkeypatch.setattr(
        "dfad_tf.teachers.cache.cached_teacher", lambda *_: pytest.fail("It was trained.")
    )
    arguments = (f"--teacher_cache={tmp_path}", "--teacher_model=mlp", f"--workdir={tmp_path}/run")
    with pytest.raises(InputError, match="--yes"):
        run(*arguments)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("export", "share"), [("all", 0.55), ("none", 0.2)])
def test_what_follows_the_distillation_is_a_share_of_the_start_up(export, share):
    known = plan(60.0)
    parse(f"--export={export}")
    planning.whole(known)
    assert list(known.seconds) == ["distillation"]  # a plan without a start-up stays as it is
    known.seconds["start-up"] = 100.0
    planning.whole(known)
    assert known.seconds["measuring and export"] == pytest.approx(100 * share)
    assert known.total_seconds == pytest.approx(160 + 100 * share)
