"""Ctrl-C while `train` trains a teacher: how the command ends, and how it resumes."""

import signal
import subprocess
import sys
import time

import pytest

from dfad_tf.teachers.loading import load_keras_file

COMMAND = [
    sys.executable, "-m", "dfad_tf.train", "--dataset=digits", "--method=dfad", "--export=none",
    "--teacher_model=mlp", "--teacher_epochs=60", "--epochs=1", "--steps_per_epoch=1",
    "--student_steps=1", "--batch_size=16", "--generator=dense", "--precision=float32",
    "--verbose=2",
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_the_training_of_a_teacher_ends_in_seconds_and_resumes(tmp_path):
    cache, folder = tmp_path / "teachers", tmp_path / "run"
    command = [*COMMAND, f"--teacher_cache={cache}", f"--workdir={folder}"]
    child = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    )
    try:
        assert any(line.startswith("Epoch 2/60") for line in child.stdout)
        start = time.monotonic()
        child.send_signal(signal.SIGINT)
        output, errors = child.communicate(timeout=60)
        seconds = time.monotonic() - start
    finally:
        child.kill()
    assert child.returncode == 130 and seconds < 5
    (line,) = errors.splitlines()
    assert line.startswith("train: stopped by Ctrl-C; the backup is from epoch ")
    assert line.endswith(", and the same command resumes from it")
    assert "Epoch 60/60" not in output and not list(cache.glob("*.keras"))
    assert not folder.exists()

    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "Its training resumes in epoch " in done.stdout
    assert "Epoch 1/60" not in done.stdout and "Epoch 60/60" in done.stdout
    (teacher,) = cache.glob("*.keras")
    assert load_keras_file(str(teacher)).output_shape == (None, 10)
    assert not list(cache.glob("*.backup")) and (folder / "student.keras").exists()
