"""The command, cut and given again: it goes on, and leaves what the uncut run leaves."""

import json
import pathlib

import keras
import numpy as np
import pytest

from dfad_tf.distillation.distiller import DataFreeDistiller
from dfad_tf.distillation.supervised_distiller import SupervisedDistiller
from dfad_tf.runs import interrupted_run
from dfad_tf.utils.errors import InputError
from tests.conftest import same, small_classifier
from tests.helpers.command import run
from tests.helpers.interrupt import Interrupt

SMALL = (
    "--epochs=3", "--steps_per_epoch=3", "--batch_size=8", "--verbose=0", "--backup_every=1",
    "--precision=float32", "--method=dafl", "--seed=4",
)  # fmt: skip
WITH_DATA = (
    "--dataset=digits", "--image_shape=8,8,1", "--teacher_epochs=2", "--preparation_epochs=2",
    "--data_share=0.1", "--teacher_batch_size=500", "--verbose=0", "--backup_every=1",
    "--precision=float32", "--seed=4",
)  # fmt: skip


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """An own working directory, and neither pictures nor sample images, which take seconds."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("dfad_tf.train._draw", lambda *arguments: None)
    monkeypatch.setattr(
        "dfad_tf.runs.data_free_run.SampleImages", lambda *a: keras.callbacks.Callback()
    )


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    """Flags that name a teacher and a student as files: of three classes, and of ten."""
    folder = tmp_path_factory.mktemp("networks")
    keras.utils.set_random_seed(0)
    found = {}
    for classes in (3, 10):
        for name, filters in (("teacher", 6), ("student", 3)):
            path = folder / f"{name}_{classes}.keras"
            small_classifier((8, 8, 1), classes, filters).save(path)
            found.setdefault(classes, []).append(f"--{name}={path}")
    found[3].append("--input_range=zero_one")  # else one class is all that random weights see
    return found


def cut_in(monkeypatch, kind, *callbacks, fit_number=1):
    """Have the `fit_number`-th `fit` of a kind of model end in what the callbacks raise."""
    fit, count = kind.fit, []

    def fit_and_cut(self, *inputs, callbacks=(), **arguments):
        count.append(1)
        more = cutting if len(count) == fit_number else ()
        return fit(self, *inputs, callbacks=[*callbacks, *more], **arguments)

    cutting = callbacks
    monkeypatch.setattr(kind, "fit", fit_and_cut)


def student(folder):
    return keras.models.load_model(pathlib.Path(folder) / "student.keras").get_weights()


def result(folder):
    return json.loads((pathlib.Path(folder) / "result.json").read_text())


def rows(folder):
    """The history without the seconds."""
    lines = (pathlib.Path(folder) / "history.csv").read_text().splitlines()
    return [line.rsplit(",", 1)[0] for line in lines]


def snapshot(folder):
    return {path: path.is_file() and path.read_bytes() for path in folder.rglob("*")}


@pytest.fixture(scope="module")
def straight(networks, tmp_path_factory):
    """A run that was not cut."""
    folder = tmp_path_factory.mktemp("straight") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dfad_tf.train._draw", lambda *arguments: None)
        run(*SMALL, *networks[3], f"--workdir={folder}")
    return folder


def check_as_straight(folder, straight):
    assert same(student(folder), student(straight)) and rows(folder) == rows(straight)
    found, expected = result(folder), result(straight)
    assert (found["resumed"], expected["resumed"]) == (1, 0)
    for name in ("images_generated", "generated_agreement", "val_agreement", "restored"):
        assert found[name] == expected[name]
    assert not (folder / "backup").exists() and not (straight / "backup").exists()


def test_a_run_without_a_name_is_found_again_by_its_flags(networks, straight, tmp_path, capsys):
    with pytest.MonkeyPatch.context() as patch, pytest.raises(MemoryError):
        cut_in(patch, DataFreeDistiller, Interrupt(1, 1))
        run(*SMALL, *networks[3])
    (folder,) = (tmp_path / "runs").iterdir()
    assert interrupted_run.is_interrupted(folder)
    assert not (folder / "student.keras").exists()
    capsys.readouterr()
    # What cannot change the student may be other than before.
    run(*SMALL, *networks[3], "--backup_every=5min", "--verbose=2")
    assert list((tmp_path / "runs").iterdir()) == [folder]
    said = capsys.readouterr().out
    assert f"Goes on with the unfinished run in {folder.relative_to(tmp_path)}" in said
    assert "Goes on in epoch 2 after step 2" in said
    check_as_straight(folder, straight)


@pytest.fixture(scope="module")
def unfinished(networks, tmp_path_factory):
    """A named run that was cut."""
    folder = tmp_path_factory.mktemp("unfinished") / "run"
    with pytest.MonkeyPatch.context() as patch, pytest.raises(MemoryError):
        cut_in(patch, DataFreeDistiller, Interrupt(2, 0))
        run(*SMALL, *networks[3], f"--workdir={folder}")
    return folder


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--epochs=4", "--seed=5"],
            "Received others: --epochs=4, then 3; --seed=5, then 4. Give the same",
        ),
        (["--method=dfad"], "Received others: .*--method=dfad, then dafl"),
        (["--resume=never"], "--resume=never.*holds an unfinished run"),
        (["--on_collapse=stop"], "--on_collapse=stop, then restore"),
    ],
)
def test_other_flags_are_named_and_the_unfinished_run_stays(
    networks, unfinished, arguments, message
):
    before = snapshot(unfinished)
    with pytest.raises(InputError, match=message):
        run(*SMALL, *networks[3], f"--workdir={unfinished}", *arguments)
    assert snapshot(unfinished) == before


def test_one_at_which_another_process_is_is_left_alone(networks, unfinished):
    with interrupted_run.locked(unfinished):
        before = snapshot(unfinished)
        with pytest.raises(InputError, match="another process is at work"):
            run(*SMALL, *networks[3], f"--workdir={unfinished}")
        assert snapshot(unfinished) == before


def test_without_an_unfinished_run_must_fails_before_any_work(networks, straight, tmp_path):
    before = snapshot(straight)
    for place in ([], [f"--workdir={tmp_path / 'absent'}"], [f"--workdir={straight}"]):
        with pytest.raises(InputError, match="for --resume=must"):
            run(*SMALL, *networks[3], "--resume=must", *place)
    assert snapshot(straight) == before and not list(tmp_path.iterdir())


def test_a_named_run_that_must_go_on_does(networks, unfinished, straight):
    run(*SMALL, *networks[3], f"--workdir={unfinished}", "--resume=must")
    check_as_straight(unfinished, straight)
    # It has come to its end: there is nothing to go on with.
    with pytest.raises(InputError, match="already holds something"):
        run(*SMALL, *networks[3], f"--workdir={unfinished}")


class BreakGenerator(keras.callbacks.Callback):
    def __init__(self, *epochs):
        super().__init__()
        self._epochs = list(epochs)

    def on_epoch_begin(self, epoch, logs=None):
        if epoch in self._epochs:
            self._epochs.remove(epoch)
            generator = self.model.generator
            generator.set_weights([np.nan * w for w in generator.get_weights()])


def test_a_collapse_that_stops_a_run_ends_in_one_line(networks, tmp_path, monkeypatch):
    cut_in(monkeypatch, DataFreeDistiller, BreakGenerator(1))
    folder = tmp_path / "run"
    with pytest.raises(InputError) as stopped:
        run(*SMALL, *networks[3], f"--workdir={folder}", "--on_collapse=stop")
    said = str(stopped.value)
    assert said.startswith("Collapse detected in epoch 2: ") and "\n" not in said
    assert "Expected smaller rates. Received: --learning_rate=" in said
    assert not interrupted_run.is_interrupted(folder)
    assert (folder / "student.keras").exists() and not (folder / "result.json").exists()


def test_a_collapse_that_was_undone_is_in_the_result(networks, tmp_path, monkeypatch):
    cut_in(monkeypatch, DataFreeDistiller, BreakGenerator(1))
    folder = tmp_path / "run"
    run(*SMALL, *networks[3], f"--workdir={folder}")
    found = result(folder)
    assert len(found["restored"]) == 1 and "epoch 2" in found["restored"][0]
    assert [row.split(",")[0] for row in rows(folder)] == ["epoch", "0", "1", "2"]
    assert not (folder / "backup").exists()
    assert np.isfinite(student(folder)[0]).all()


@pytest.mark.parametrize(("method", "fit_number", "at"), [("ft", 2, (1, 1)), ("fitnet", 1, (1, 0))])
def test_a_method_of_two_stages_goes_on_in_the_one_that_was_cut(
    networks, tmp_path, method, fit_number, at
):
    command = (*WITH_DATA, *networks[10], f"--method={method}")
    folders = [tmp_path / name for name in ("straight", "cut")]
    run(*command, f"--workdir={folders[0]}")
    with pytest.MonkeyPatch.context() as patch, pytest.raises(MemoryError):
        cut_in(patch, SupervisedDistiller, Interrupt(*at), fit_number=fit_number)
        run(*command, f"--workdir={folders[1]}")
    assert interrupted_run.is_interrupted(folders[1])
    run(*command, f"--workdir={folders[1]}")
    assert same(student(folders[0]), student(folders[1]))
    assert rows(folders[0]) == rows(folders[1])
    assert [result(folder)["resumed"] for folder in folders] == [0, 1]
    assert not any((folder / "backup").exists() for folder in folders)
