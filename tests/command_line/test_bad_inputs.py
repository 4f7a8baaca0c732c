"""Every kind of bad input: one line, a status that is not 0, and nothing touched."""

import hashlib
import os
import re

import pytest
import tensorflow as tf

from dfad_tf import benchmark, compare, evaluate, to_saved_model, to_tflite, train
from tests.conftest import small_classifier, small_generator
from tests.helpers.bad_inputs import CASES, NOT_FOR_ROOT
from tests.helpers.command import run_as_command
from tests.helpers.odd_models import MODELS, write, write_saved_model

COMMANDS = {
    "train": train,
    "evaluate": evaluate,
    "to_tflite": to_tflite,
    "to_saved_model": to_saved_model,
    "compare": compare,
    "benchmark": benchmark,
}
# No long training where a check fails, and no measurement of the device.
QUICK = ("--teacher_model=mlp", "--teacher_cache=none", "--precision=float32")


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """A folder of everything that can be wrong, and of a good teacher."""
    folder = tmp_path_factory.mktemp("given")
    small_classifier().save(folder / "teacher.keras")
    small_classifier(classes=10).save(folder / "ten.keras")
    small_generator((9, 9, 1)).save(folder / "large.keras")
    for kind in (*MODELS, "truncated", "text", "empty", "other_zip", "weights_only", "empty_h5"):
        write(folder, kind)
    (folder / "text.tflite").write_text("not a model")
    (folder / "teacher.pt").write_bytes(b"x")
    (folder / "labels.txt").write_text("one\n")
    (folder / "loop.keras").symlink_to(folder / "loop.keras")
    (folder / "folder.keras").mkdir()
    (folder / "empty_saved").mkdir()
    (folder / "empty_saved" / "saved_model.pb").write_bytes(b"")
    write_saved_model(folder / "of_bytes", lambda x: tf.cast(x, tf.float32)[:, 0], tf.uint8)
    write_saved_model(folder / "writing", lambda x: writing(x, folder / "written"))
    small_classifier().save(folder / "locked.keras")
    (folder / "locked.keras").chmod(0)
    (folder / "closed").mkdir(mode=0o500)
    (folder / "unfinished" / "backup").mkdir(parents=True)
    (folder / "unfinished" / "flags.flags").write_text("--epochs=3\n")
    return folder


def writing(images, path):
    with tf.control_dependencies([tf.io.write_file(str(path), "x")]):
        return tf.reshape(images, (-1, 64))[:, :3]


def snapshot(*folders):
    """All that can be told of the files in some folders."""
    found = {}
    for folder in folders:
        for path in sorted([folder, *folder.rglob("*")]):
            status = path.lstat()
            readable = path.is_file() and os.access(path, os.R_OK)
            content = hashlib.sha256(path.read_bytes()).hexdigest() if readable else None
            found[path] = (status.st_mode, status.st_mtime_ns, content)
    return found


@pytest.fixture
def nothing_is_trained(monkeypatch):
    """Let no work begin: a mistake is found before it."""
    monkeypatch.setattr("dfad_tf.distillation.distiller.DataFreeDistiller.fit", None)
    monkeypatch.setattr("dfad_tf.teachers.cache.train_teacher", None)


def check_refused(monkeypatch, capfd, folders, command, arguments, words):
    before = snapshot(*folders)
    status = run_as_command(monkeypatch, COMMANDS[command], *arguments)
    output = capfd.readouterr()
    assert snapshot(*folders) == before
    assert status == 2
    assert output.out == ""
    assert len(output.err.splitlines()) == 1, output.err
    assert output.err.startswith(f"{command}: error: ") and output.err.endswith("\n")
    assert re.search(words, output.err), output.err


@pytest.mark.parametrize(
    ("command", "arguments", "words"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_it_ends_in_one_line_and_touches_nothing(
    command, arguments, words, given, tmp_path, monkeypatch, capfd, nothing_is_trained, request
):
    if os.geteuid() == 0 and any(name in request.node.name for name in NOT_FOR_ROOT):
        pytest.skip("root reads and writes everywhere")
    monkeypatch.chdir(tmp_path)
    quick = [flag for flag in QUICK if flag.split("=")[0] not in str(arguments)]
    own = quick if command == "train" else []
    filled = [argument.format(given=given) for argument in arguments]
    check_refused(
        monkeypatch, capfd, (tmp_path, given), command, [*own, *filled], words.format(given=given)
    )


def test_another_backend(given, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    check_refused(monkeypatch, capfd, (tmp_path,), "train", [], "KERAS_BACKEND.*'jax'")


def test_there_are_forty_kinds_and_more():
    assert len(CASES) >= 100 and len({case[0] for case in CASES}) == len(CASES)
