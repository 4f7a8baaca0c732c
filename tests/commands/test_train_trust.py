"""`train`: what a run says of its student without data."""

import csv
import json

import numpy as np
import pytest

from dfad_tf.command_line import run_builder, teacher_builder
from dfad_tf.distillation.distiller import DataFreeDistiller
from dfad_tf.utils.errors import InputError
from tests.conftest import small_classifier
from tests.helpers.command import parse, run
from tests.helpers.small_runs import SMALL, own, save_teacher


@pytest.fixture
def teacher(tmp_path):
    return save_teacher(tmp_path)


@pytest.mark.slow
def test_real_images_of_the_user_decide_the_verdict(tmp_path, teacher, capsys):
    from PIL import Image

    random = np.random.default_rng(0)
    (tmp_path / "probes").mkdir()
    for index in range(12):
        pixels = random.integers(0, 256, (20, 16), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "probes" / f"{index}.png")
    folder = tmp_path / "run"
    given = f"--probe_images={tmp_path / 'probes'}"
    run(*own(teacher), *SMALL, given, "--export=float32", f"--workdir={folder}")
    trust = json.loads((folder / "result.json").read_text())["trust"]
    assert trust["real"]["images"] == 12
    real = trust["real"]
    assert real["low"] < real["high"] and real["low"] <= real["agreement"] <= real["high"]
    assert "on 12 real images the student" in trust["reasons"][0]
    printed = capsys.readouterr().out
    assert f"Trust: {trust['verdict']}" in printed and trust["reasons"][0] in printed
    assert f"trust: {trust['verdict']}" in (folder / "export" / "card.md").read_text()


@pytest.mark.slow
def test_a_run_without_a_report(tmp_path, teacher, capsys):
    folder = tmp_path / "run"
    run(*own(teacher), *SMALL, "--trust=off", "--export=none", f"--workdir={folder}")
    assert json.loads((folder / "result.json").read_text())["trust"] is None
    assert not (folder / "trust.png").exists()
    assert "Trust:" not in capsys.readouterr().out


@pytest.mark.slow
def test_distrust_stops_a_run(tmp_path, capsys):
    network = small_classifier((9, 10, 2), classes=4)
    kernel, _ = network.layers[-1].get_weights()
    network.layers[-1].set_weights([kernel, np.array([90.0, 0, 0, 0])])
    network.save(tmp_path / "one_class.keras")
    folder = tmp_path / "run"
    arguments = (*own(tmp_path / "one_class.keras"), *SMALL, f"--workdir={folder}")
    with pytest.raises(InputError, match=r"into 1 of its 4 classes.*`on_distrust` is stop"):
        run(*arguments, "--on_distrust=stop", "--on_collapse=warn")
    assert len(list(csv.reader((folder / "history.csv").open()))) == 2  # one epoch


def test_a_thorough_report_compares_a_second_student(tmp_path, teacher, capsys, monkeypatch):
    students, epochs, fit = [], [], DataFreeDistiller.fit

    def noted(distiller, **settings):
        students.append(distiller.student)
        epochs.append(settings["epochs"])
        return fit(distiller, **settings)

    monkeypatch.setattr(DataFreeDistiller, "fit", noted)
    folder = tmp_path / "run"
    arguments = [*own(teacher), *SMALL, "--export=none", f"--workdir={folder}"]
    run(*arguments, "--trust=thorough", "--student_initialization=random", "--epochs=5")
    printed = capsys.readouterr().out
    trust = json.loads((folder / "result.json").read_text())["trust"]
    assert trust["probes"]["second"]["images"] == trust["probes"]["drawn"]["images"]
    assert set(trust["stability"]["same"]) == {"drawn", "matched"}
    assert epochs == [5, 1]
    first, second = (student.get_weights() for student in students)
    assert all((a != b).any() for a, b in zip(first, second, strict=True) if a.ndim > 1)
    assert "a second student, distilled from another seed" in printed
    assert " of second student" in printed  # in the plan


def test_a_second_student_has_another_seed_and_fewer_epochs(teacher):
    parse(*own(teacher), "--trust=thorough", "--epochs=10", "--seed=4")
    found = teacher_builder.teacher_from_flags(None, 0)
    run_builder.fix_precision()
    second = run_builder.second_run_from_flags(found).settings
    assert (second.epochs, run_builder.FLAGS.epochs) == (2, 10)
    assert second.seed != 4 and run_builder.FLAGS.seed == 4
    parse(*own(teacher), "--epochs=10")
    assert run_builder.second_epochs() == 0
