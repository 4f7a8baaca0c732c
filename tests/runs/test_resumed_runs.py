"""An interrupted command resumes when it is given again, with the result of a run without it."""

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
    """A working directory for each test; without plots and sample images, which take seconds."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("dfad_tf.runs.run_plots.draw", lambda *arguments: None)
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
    found[3].append("--input_range=zero_one")  # with pixels, random weights predict one class
    return found


def add_callbacks(monkeypatch, kind, *added, fit_number=1):
    """Add callbacks to the `fit_number`-th `fit` of a class of models."""
    fit, count = kind.fit, []

    def fit_with_callbacks(self, *inputs, callbacks=(), **arguments):
        count.append(1)
        more = added if len(count) == fit_number else ()
        return fit(self, *inputs, callbacks=[*callbacks, *more], **arguments)

    monkeypatch.setattr(kind, "fit", fit_with_callbacks)


def student(folder):
    return keras.models.load_model(pathlib.Path(folder) / "student.keras").get_weights()


def result(folder):
    return json.loads((pathlib.Path(folder) / "result.json").read_text())


def rows(folder):
    """The lines of the history without their seconds."""
    lines = (pathlib.Path(folder) / "history.csv").read_text().splitlines()
    return [line.rsplit(",", 1)[0] for line in lines]


def snapshot(folder):
    return {path: path.is_file() and path.read_bytes() for path in folder.rglob("*")}


@pytest.fixture(scope="module")
def uninterrupted(networks, tmp_path_factory):
    """The folder of a run without an interruption."""
    folder = tmp_path_factory.mktemp("uninterrupted") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dfad_tf.runs.run_plots.draw", lambda *arguments: None)
        run(*SMALL, *networks[3], f"--workdir={folder}")
    return folder


def check_same_run(folder, uninterrupted):
    assert same(student(folder), student(uninterrupted)) and rows(folder) == rows(uninterrupted)
    found, expected = result(folder), result(uninterrupted)
    assert (found["resumed"], expected["resumed"]) == (1, 0)
    for name in ("images_generated", "generated_agreement", "val_agreement", "restored"):
        assert found[name] == expected[name]
    assert not (folder / "backup").exists() and not (uninterrupted / "backup").exists()


@pytest.mark.slow
@pytest.mark.parametrize("recorded_by", ["this version", "0.5.0"])
def test_a_run_without_a_workdir_is_found_by_its_flags(
    networks, uninterrupted, tmp_path, caplog, recorded_by
):
    with pytest.MonkeyPatch.context() as patch, pytest.raises(MemoryError):
        add_callbacks(patch, DataFreeDistiller, Interrupt(1, 1))
        run(*SMALL, *networks[3])
    (folder,) = (tmp_path / "runs").iterdir()
    assert interrupted_run.is_interrupted(folder)
    assert not (folder / "student.keras").exists()
    if recorded_by == "0.5.0":
        flags = folder / interrupted_run.FLAG_FILE
        text = flags.read_text()
        assert "--max_restores=" in text
        flags.write_text(text.replace("--max_restores=", "--most_restores="))
    caplog.set_level("INFO", logger="dfad_tf")
    # Flags that do not change the student may differ.
    run(*SMALL, *networks[3], "--backup_every=5min", "--verbose=2")
    assert list((tmp_path / "runs").iterdir()) == [folder]
    assert f"Resuming the interrupted run in {folder.relative_to(tmp_path)}" in caplog.messages
    assert "Resuming in epoch 2 after step 2" in caplog.text
    check_same_run(folder, uninterrupted)
    assert "--most_restores" not in (folder / interrupted_run.FLAG_FILE).read_text()


@pytest.fixture(scope="module")
def interrupted(networks, tmp_path_factory):
    """The folder of an interrupted run that --workdir named."""
    folder = tmp_path_factory.mktemp("interrupted") / "run"
    with pytest.MonkeyPatch.context() as patch, pytest.raises(MemoryError):
        add_callbacks(patch, DataFreeDistiller, Interrupt(2, 0))
        run(*SMALL, *networks[3], f"--workdir={folder}")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--epochs=4", "--seed=5"],
            "Received different ones: --epochs=4 instead of 3; --seed=5 instead of 4. Use the same",
        ),
        (["--method=dfad"], "Received different ones: .*--method=dfad instead of dafl"),
        (["--resume=never"], "`resume=never`.*contains an interrupted run"),
        (["--on_collapse=stop"], "--on_collapse=stop instead of restore"),
    ],
)
def test_other_flags_are_rejected_and_the_interrupted_run_stays(
    networks, interrupted, arguments, message
):
    before = snapshot(interrupted)
    with pytest.raises(InputError, match=message):
        run(*SMALL, *networks[3], f"--workdir={interrupted}", *arguments)
    assert snapshot(interrupted) == before


@pytest.mark.slow
def test_a_run_that_another_process_uses_is_not_changed(networks, interrupted):
    with interrupted_run.locked(interrupted):
        before = snapshot(interrupted)
        with pytest.raises(InputError, match="another process is using"):
            run(*SMALL, *networks[3], f"--workdir={interrupted}")
        assert snapshot(interrupted) == before


@pytest.mark.slow
def test_must_fails_before_any_work_where_there_is_no_interrupted_run(
    networks, uninterrupted, tmp_path
):
    before = snapshot(uninterrupted)
    for place in ([], [f"--workdir={tmp_path / 'absent'}"], [f"--workdir={uninterrupted}"]):
        with pytest.raises(InputError, match="with `resume=must`"):
            run(*SMALL, *networks[3], "--resume=must", *place)
    assert snapshot(uninterrupted) == before and not list(tmp_path.iterdir())


@pytest.mark.slow
def test_must_resumes_a_run_that_workdir_names(networks, interrupted, uninterrupted):
    run(*SMALL, *networks[3], f"--workdir={interrupted}", "--resume=must")
    check_same_run(interrupted, uninterrupted)
    # The run has finished, so there is nothing to resume.
    with pytest.raises(InputError, match="is not empty"):
        run(*SMALL, *networks[3], f"--workdir={interrupted}")


class BreakGenerator(keras.callbacks.Callback):
    def __init__(self, *epochs):
        super().__init__()
        self._epochs = list(epochs)

    def on_epoch_begin(self, epoch, logs=None):
        if epoch in self._epochs:
            self._epochs.remove(epoch)
            generator = self.model.generator
            generator.set_weights([np.nan * w for w in generator.get_weights()])


@pytest.mark.slow
def test_a_run_that_stops_at_a_collapse_ends_with_one_line(networks, tmp_path, monkeypatch):
    add_callbacks(monkeypatch, DataFreeDistiller, BreakGenerator(1))
    folder = tmp_path / "run"
    with pytest.raises(InputError) as error:
        run(*SMALL, *networks[3], f"--workdir={folder}", "--on_collapse=stop")
    message = str(error.value)
    assert message.startswith("Collapse detected in epoch 2: ") and "\n" not in message
    assert "Use a smaller `learning_rate`" in message
    assert "or bring the generated images closer to the teacher's data with `label" in message
    assert not interrupted_run.is_interrupted(folder)
    assert (folder / "student.keras").exists() and not (folder / "result.json").exists()


@pytest.mark.slow
def test_a_restore_after_a_collapse_is_recorded_in_the_result(networks, tmp_path, monkeypatch):
    add_callbacks(monkeypatch, DataFreeDistiller, BreakGenerator(1))
    folder = tmp_path / "run"
    run(*SMALL, *networks[3], f"--workdir={folder}")
    found = result(folder)
    assert len(found["restored"]) == 1 and "epoch 2" in found["restored"][0]
    assert [row.split(",")[0] for row in rows(folder)] == ["epoch", "0", "1", "2"]
    assert not (folder / "backup").exists()
    assert np.isfinite(student(folder)[0]).all()


@pytest.mark.slow
@pytest.mark.parametrize(("method", "fit_number", "at"), [("ft", 2, (1, 1)), ("fitnet", 1, (1, 0))])
def test_a_method_of_two_stages_resumes_in_the_interrupted_stage(
    networks, tmp_path, method, fit_number, at
):
    command = (*WITH_DATA, *networks[10], f"--method={method}")
    folders = [tmp_path / name for name in ("whole", "interrupted")]
    run(*command, f"--workdir={folders[0]}")
    with pytest.MonkeyPatch.context() as patch, pytest.raises(MemoryError):
        add_callbacks(patch, SupervisedDistiller, Interrupt(*at), fit_number=fit_number)
        run(*command, f"--workdir={folders[1]}")
    assert interrupted_run.is_interrupted(folders[1])
    run(*command, f"--workdir={folders[1]}")
    assert same(student(folders[0]), student(folders[1]))
    assert rows(folders[0]) == rows(folders[1])
    assert [result(folder)["resumed"] for folder in folders] == [0, 1]
    assert not any((folder / "backup").exists() for folder in folders)
