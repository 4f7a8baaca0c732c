"""The answer of the commands to bad input: one line that names the flag, and status 2."""

import hashlib
import os
import re

import pytest
import tensorflow as tf

from dfad_tf import benchmark, compare, evaluate, to_saved_model, to_tflite, train
from tests.conftest import small_classifier, small_generator
from tests.helpers import bad_files, bad_flags, bad_networks
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
CASES = [
    pytest.param(command, arguments, pattern, id=f"{group}: {description}")
    for group, cases in {**bad_flags.GROUPS, **bad_files.GROUPS, **bad_networks.GROUPS}.items()
    for description, command, arguments, pattern in cases
]
# Without these flags, a check that fails would start a long training or time the device.
QUICK = ("--teacher_model=mlp", "--teacher_cache=none", "--precision=float32")
# Answers that quote what is no flag, or a flag that does not exist.
WITHOUT_FLAG = (
    "command line: an unknown flag", "command line: an unknown flag of another command",
    "command line: words", "command line: words to evaluate", "command line: a flag file of text",
)  # fmt: skip


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """A folder with every kind of bad file, and with a valid teacher."""
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
    write_saved_model(folder / "of_bytes", lambda x: tf.cast(x // 2, tf.float32)[:, 0], tf.uint8)
    write_saved_model(folder / "writing", lambda x: write_and_classify(x, folder / "written"))
    small_classifier().save(folder / "locked.keras")
    (folder / "locked.keras").chmod(0)
    (folder / "closed").mkdir(mode=0o500)
    (folder / "interrupted" / "backup").mkdir(parents=True)
    (folder / "interrupted" / "flags.flags").write_text("--epochs=3\n")
    return folder


def write_and_classify(images, path):
    with tf.control_dependencies([tf.io.write_file(str(path), "x")]):
        return tf.reshape(images, (-1, 64))[:, :3]


def snapshot(*folders):
    """The mode, the time and the content of all files in some folders."""
    found = {}
    for folder in folders:
        for path in sorted([folder, *folder.rglob("*")]):
            status = path.lstat()
            readable = path.is_file() and os.access(path, os.R_OK)
            content = hashlib.sha256(path.read_bytes()).hexdigest() if readable else None
            found[path] = (status.st_mode, status.st_mtime_ns, content)
    return found


@pytest.fixture
def no_training(monkeypatch):
    """Let any training fail: bad input must be detected before it."""
    monkeypatch.setattr("dfad_tf.distillation.distiller.DataFreeDistiller.fit", None)
    monkeypatch.setattr("dfad_tf.teachers.cache.train_teacher", None)


def check_answer(monkeypatch, capfd, folders, command, arguments, pattern):
    """Check that a command answers in one line, with status 2, and changes no file."""
    before = snapshot(*folders)
    status = run_as_command(monkeypatch, COMMANDS[command], *arguments)
    output = capfd.readouterr()
    assert snapshot(*folders) == before
    assert status == 2
    assert output.out == ""
    assert len(output.err.splitlines()) == 1, output.err
    assert output.err.startswith(f"{command}: error: ") and output.err.endswith("\n")
    assert re.search(pattern, output.err), output.err
    # The library names its arguments in backticks; the commands replace them by flags.
    assert not re.search(r"`\w+(=[^`]*)?`", output.err), output.err


@pytest.mark.slow
@pytest.mark.parametrize(("command", "arguments", "pattern"), CASES)
def test_the_answer_is_one_line_and_no_file_changes(
    command, arguments, pattern, given, tmp_path, monkeypatch, capfd, no_training, request
):
    if os.geteuid() == 0 and any(name in request.node.name for name in bad_files.NOT_FOR_ROOT):
        pytest.skip("root reads and writes everywhere")
    monkeypatch.chdir(tmp_path)
    quick = [flag for flag in QUICK if flag.split("=")[0] not in str(arguments)]
    added = quick if command == "train" else []
    filled = [argument.format(given=given) for argument in arguments]
    check_answer(
        monkeypatch,
        capfd,
        (tmp_path, given),
        command,
        [*added, *filled],
        pattern.format(given=given),
    )


def test_another_backend_is_reported(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    check_answer(monkeypatch, capfd, (tmp_path,), "train", [], "KERAS_BACKEND.*'jax'")


def test_every_case_has_a_name_of_its_own_and_expects_a_flag():
    names = [case.id for case in CASES]
    assert len(names) >= 100 and len(set(names)) == len(names)
    without = {case.id for case in CASES if not re.search(r"--[a-z]|int8 in --", case.values[2])}
    assert without == {*WITHOUT_FLAG}
