"""A run on a full disk: a small disk is mounted and filled while the run writes."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import zipfile

import keras
import pytest

from dfad_tf import train
from dfad_tf.callbacks import Backup
from dfad_tf.runs import deployable_files
from dfad_tf.runs.data_free_run import DataFreeRun
from tests.conftest import same, small_classifier, weights
from tests.helpers.command import run_as_command

SMALL = (
    "--procedural_size=64",
    "--epochs=2",
    "--steps_per_epoch=3",
    "--batch_size=8",
    "--verbose=0",
    "--student=compact_4",
    "--backup_every=1",
    "--precision=float32",
)


@pytest.fixture
def disk(tmp_path):
    """The folder of a mounted disk of 64 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(place)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a small disk is not allowed here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.fixture(scope="module")
def elsewhere():
    """A folder on another disk, with a teacher; the first test adds a run without errors."""
    with tempfile.TemporaryDirectory() as folder:
        teacher = pathlib.Path(folder) / "mine.keras"
        keras.utils.set_random_seed(0)
        small_classifier((9, 10, 2), classes=4, batch_norm=True).save(teacher)
        yield pathlib.Path(folder)


def fill(disk):
    """Leave a few kilobytes, so that the next file cannot be completed."""
    with open(disk / "filler", "wb") as file:
        try:
            while True:
                file.write(bytes(2**12))
                file.flush()
        except OSError:
            pass
    os.truncate(disk / "filler", max(0, (disk / "filler").stat().st_size - 2**13))


def fill_before(method, disk, call=1):
    """Return a method that fills the disk before its `call`-th call."""
    calls = []

    def filling(*arguments, **more):
        calls.append(1)
        if len(calls) == call:
            fill(disk)
        return method(*arguments, **more)

    return filling


def fill_after(method, disk):
    """Return a method that fills the disk after each call."""

    def filling(*arguments, **more):
        found = method(*arguments, **more)
        fill(disk)
        return found

    return filling


STAGES = {
    "backup": lambda patch, disk: patch.setattr(Backup, "save", fill_before(Backup.save, disk, 4)),
    "final save": lambda patch, disk: patch.setattr(
        DataFreeRun, "run", fill_after(DataFreeRun.run, disk)
    ),
    "export": lambda patch, disk: patch.setattr(
        deployable_files,
        "write_deployable_files",
        fill_before(deployable_files.write_deployable_files, disk),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
def test_a_full_disk_is_reported_in_one_line_and_the_run_resumes_when_there_is_space(
    disk, elsewhere, capfd, monkeypatch, stage
):
    def command(folder):
        given = [
            *SMALL,
            f"--teacher={elsewhere / 'mine.keras'}",
            "--input_range=zero_one",
            "--export=float32",
            f"--workdir={folder}",
        ]
        capfd.readouterr()
        status = run_as_command(monkeypatch, train, *given)
        return status, capfd.readouterr().err

    if not (elsewhere / "whole").exists():
        assert command(elsewhere / "whole") == (0, "")
    with monkeypatch.context() as patch:
        STAGES[stage](patch, disk)
        status, errors = command(disk / "run")
    assert status == 2 and len(errors.splitlines()) == 1, errors
    assert "No space left" in errors
    folder = disk / "run"
    for path in folder.rglob("*"):
        assert not path.name.startswith("."), f"temporary file: {path}"
        if path.suffix in (".npz", ".keras"):
            with zipfile.ZipFile(path) as archive:
                assert archive.testzip() is None
    assert Backup(folder / "backup").position() is not None
    (disk / "filler").unlink()
    assert command(folder) == (0, "")
    students = [
        keras.models.load_model(place / "student.keras") for place in (elsewhere / "whole", folder)
    ]
    assert same(*map(weights, students))
    files = [
        {path.relative_to(place) for path in pathlib.Path(place).rglob("*") if path.suffix != ".v2"}
        for place in (elsewhere / "whole", folder)
    ]
    assert files[0] == files[1]
