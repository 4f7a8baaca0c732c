"""An interrupted run equals one without an interruption, to the last bit."""

import json
import pathlib
import zipfile

import keras
import numpy as np
import pytest

from dfad_tf.callbacks import Backup, HistoryFile
from dfad_tf.compute.training_state import read_state, state_variables
from dfad_tf.distillation.supervised_distiller import SupervisedDistiller
from dfad_tf.methods import data_methods
from dfad_tf.utils.errors import InputError
from tests.conftest import small_classifier
from tests.helpers.interrupt import Interrupt
from tests.helpers.small_distiller import POOLED, fit, labelled, make, make_inversion, make_pooled

METHODS = ["proposed", "proposed+memory", "zskt", "dfq", "dafl", "inversion", *POOLED]


def interrupted(distiller, callbacks, at, **arguments):
    with pytest.raises(MemoryError):
        fit(distiller, epochs=3, steps=4, callbacks=[*callbacks, Interrupt(*at)], **arguments)


def equal(first, second):
    assert first.keys() == second.keys()
    return all(np.array_equal(first[name], second[name]) for name in first)


def unchanged(before, distiller):
    after = read_state(distiller)  # It includes the held-out images, which `fit` adds.
    return equal(before, {name: after[name] for name in before})


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("at", [(0, 1), (1, 3), (2, 0)], ids=["first", "last_step", "begun"])
def test_an_interrupted_run_equals_one_without_an_interruption(tmp_path, method, at):
    def built():
        if method in POOLED:
            return make_pooled(method)
        return make_inversion() if method == "inversion" else make(method)

    straight = built()
    expected = fit(straight, epochs=3, steps=4)
    interrupted(built(), [Backup(tmp_path, every=1)], at)
    resumed = built()
    history = fit(resumed, epochs=3, steps=4, callbacks=[Backup(tmp_path, every=1)])
    assert history.history == expected.history
    assert history.epoch == [0, 1, 2]
    assert equal(read_state(straight), read_state(resumed))
    assert not tmp_path.exists()  # Training has ended.


@pytest.mark.slow
def test_steps_after_the_last_backup_are_repeated(tmp_path):
    straight = make("proposed+memory")
    expected = fit(straight, epochs=3, steps=4)
    backup = Backup(tmp_path, every=3)
    interrupted(make("proposed+memory"), [backup], (1, 3))
    assert Backup(tmp_path).position() == (1, 2)
    resumed = make("proposed+memory")
    history = fit(resumed, epochs=3, steps=4, callbacks=[Backup(tmp_path, every=3)])
    assert history.history == expected.history
    assert equal(read_state(straight), read_state(resumed))


@pytest.mark.slow
def test_with_several_steps_in_one_call_and_validation(tmp_path):
    arguments = {"validation_data": labelled(), "validation_freq": 2}
    straight = make(steps_per_execution=2)
    expected = fit(straight, epochs=3, steps=4, **arguments)
    interrupted(make(steps_per_execution=2), [Backup(tmp_path, every=1)], (1, 1), **arguments)
    assert Backup(tmp_path).position() == (1, 2)
    resumed = make(steps_per_execution=2)
    history = fit(resumed, epochs=3, steps=4, callbacks=[Backup(tmp_path)], **arguments)
    assert history.history == expected.history and len(history.history["val_accuracy"]) == 1
    assert equal(read_state(straight), read_state(resumed))


@pytest.mark.slow
def test_a_student_with_dropout_draws_the_same_numbers(tmp_path):
    def student():
        keras.utils.set_random_seed(5)
        return keras.Sequential(
            [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dropout(0.5, seed=3),
             keras.layers.Dense(3)]
        )  # fmt: skip

    straight = make(student=student())
    fit(straight, epochs=3, steps=4)
    interrupted(make(student=student()), [Backup(tmp_path, every=1)], (1, 1))
    resumed = make(student=student())
    fit(resumed, epochs=3, steps=4, callbacks=[Backup(tmp_path)])
    assert equal(read_state(straight), read_state(resumed))


@pytest.mark.slow
def test_a_supervised_distiller_resumes_too(tmp_path):
    images, labels = labelled(32)

    def baseline():
        keras.utils.set_random_seed(3)
        teacher, student = small_classifier(filters=8), small_classifier()
        stage = data_methods.stages("kd", teacher, student)[-1]
        distiller = SupervisedDistiller(teacher, student, stage.objectives)
        distiller.compile("adam")
        return distiller

    def train(distiller, *callbacks):
        return distiller.fit(
            images, labels, 8, epochs=3, shuffle=False, verbose=0, callbacks=list(callbacks)
        )

    straight, resumed = baseline(), baseline()
    expected = train(straight)
    with pytest.raises(MemoryError):
        train(baseline(), Backup(tmp_path, every=1), Interrupt(1, 1))
    assert train(resumed, Backup(tmp_path)).history == expected.history
    assert equal(read_state(straight), read_state(resumed))


@pytest.mark.slow
def test_the_file_of_an_interrupted_write_is_removed_and_never_read(tmp_path):
    interrupted(make(), [Backup(tmp_path, every=1)], (0, 2))
    (tmp_path / ".unfinished-abc").write_bytes(b"half")
    before = (tmp_path / "state.npz").read_bytes()
    assert Backup(tmp_path).position() == (0, 3)
    assert (tmp_path / "state.npz").read_bytes() == before
    interrupted(make(), [Backup(tmp_path, every=1)], (1, 0))
    assert {path.name for path in tmp_path.iterdir()} == {"state.npz"}


@pytest.mark.slow
def test_a_write_that_fails_keeps_the_last_backup(tmp_path, monkeypatch):
    interrupted(make(), [Backup(tmp_path, every=1)], (0, 2))
    before = (tmp_path / "state.npz").read_bytes()

    def full(file, **arrays):
        file.write(b"some of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="No space left"):
        fit(make(), epochs=3, steps=4, callbacks=[Backup(tmp_path, every=1)])
    assert (tmp_path / "state.npz").read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"state.npz"}


@pytest.mark.slow
@pytest.mark.parametrize("place", [0.1, 0.5, 0.9, 0.999])
def test_a_damaged_backup_is_reported_and_not_used(tmp_path, place):
    interrupted(make(), [Backup(tmp_path, every=1)], (0, 2))
    path = tmp_path / "state.npz"
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 0xFF
    path.write_bytes(content)
    distiller = make()
    before = read_state(distiller)
    try:
        fit(distiller, epochs=3, steps=4, callbacks=[Backup(tmp_path)])
    except InputError as error:
        assert "damaged" in str(error)
        assert unchanged(before, distiller)
    else:  # The byte is in a part of the archive that is not read.
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("other", "message"),
    [
        (lambda: make("proposed+memory"), "differs in 3 of"),
        (lambda: make(student=small_classifier(filters=5)), "differs in .* of"),
        (lambda: other_teacher(), "another teacher, or other weights"),
    ],
)
def test_a_backup_of_another_run_is_refused(tmp_path, other, message):
    interrupted(make(), [Backup(tmp_path, every=1)], (0, 2))
    distiller = other()
    before = read_state(distiller)
    with pytest.raises(InputError, match=message):
        fit(distiller, epochs=3, steps=4, callbacks=[Backup(tmp_path)])
    assert unchanged(before, distiller)


def other_teacher():
    distiller = make()
    variable = distiller.teacher.variables[0]
    variable.assign(variable + 1e-6)
    return distiller


@pytest.mark.slow
def test_numbers_of_other_callbacks_are_restored(tmp_path):
    def patient():
        return keras.callbacks.EarlyStopping("loss", patience=2, mode="max", baseline=1e9)

    stopping = patient()
    straight = fit(make(), epochs=9, steps=4, callbacks=[stopping])
    stopping = patient()
    with pytest.raises(MemoryError):
        fit(make(), epochs=9, steps=4,
            callbacks=[Backup(tmp_path, 1, [stopping]), stopping, Interrupt(1, 1)])  # fmt: skip
    stopping = patient()
    resumed = fit(make(), epochs=9, steps=4, callbacks=[Backup(tmp_path, 1, [stopping]), stopping])
    assert resumed.epoch == straight.epoch == [0, 1]


@pytest.mark.slow
def test_the_last_backup_records_that_training_has_ended(tmp_path):
    first = make()
    history = fit(first, epochs=2, callbacks=[Backup(tmp_path, delete_checkpoint=False)])
    assert Backup(tmp_path).position() == (2, 0)
    again = make()
    backup = Backup(tmp_path, delete_checkpoint=False)
    assert fit(again, epochs=2, callbacks=[backup]).history == history.history
    assert equal(read_state(first), read_state(again)) and backup.record.resumed == 1


@pytest.mark.slow
def test_the_interval_is_kept_by_steps_and_extended_by_cost(tmp_path):
    backup = Backup(tmp_path, every=3, delete_checkpoint=False)
    fit(make(), epochs=2, steps=4, callbacks=[backup])
    assert backup.record.count == 8 // 3 + 1  # One more at the end.
    slow = Backup(tmp_path / "slow", every="0.000001s", delete_checkpoint=False)
    slow._seconds_to_write = 1e6  # As if writing took days.
    fit(make(), epochs=2, steps=4, callbacks=[slow])
    assert slow.record.count == 1
    often = Backup(tmp_path / "often", every="0.000001s", delete_checkpoint=False)
    fit(make(), epochs=2, steps=4, callbacks=[often])
    assert often.record.count >= 2


@pytest.mark.slow
def test_the_teacher_is_not_in_the_backup(tmp_path):
    interrupted(make(), [Backup(tmp_path, every=1)], (0, 2))
    with np.load(tmp_path / "state.npz") as file:
        names = {name.split("/")[1] for name in file.files if name != "metadata"}
    parts = {"student", "generator", "optimizer", "generator_optimizer", "metrics"}
    assert names == parts | {"validation"}
    assert {name.split("/")[0] for name in state_variables(make("proposed+memory"))} == parts | {
        "memory"
    }


@pytest.mark.slow
def test_the_history_file_continues_after_the_backup(tmp_path):
    def history_file():
        return HistoryFile(str(tmp_path / "history.csv"), ["loss"], 8)

    def rows():
        lines = (tmp_path / "history.csv").read_text().splitlines()
        return [line.rsplit(",", 1)[0] for line in lines]

    straight = history_file()
    fit(make(), epochs=3, steps=4, callbacks=[straight])
    expected = rows()
    file = history_file()
    with pytest.raises(MemoryError):
        fit(make(), epochs=3, steps=4,
            callbacks=[Backup(tmp_path / "backup", 4, [file]), file, Interrupt(2, 1)])  # fmt: skip
    with pathlib.Path(tmp_path / "history.csv").open("a") as half:
        half.write("2,0.5,")
    metadata = Backup(tmp_path / "backup")
    assert metadata.position() == (1, 4)  # The row of epoch 1 is written again.
    file = history_file()
    fit(make(), epochs=3, steps=4, callbacks=[Backup(tmp_path / "backup", 4, [file]), file])
    assert rows() == expected
    seconds = [
        float(r.rsplit(",", 1)[1]) for r in (tmp_path / "history.csv").read_text().split()[1:]
    ]
    assert seconds == sorted(seconds)


@pytest.mark.slow
def test_the_history_is_stored_as_plain_json(tmp_path):
    interrupted(make(), [Backup(tmp_path, every=1)], (1, 2))
    with np.load(tmp_path / "state.npz") as file:
        metadata = json.loads(file["metadata"].tobytes())
    assert metadata["latest"]["history"]["epoch"] == [0]
    assert "generator_loss" in metadata["latest"]["history"]["logs"]
