"""The child process that reads an HDF5 file is fast, because it imports no framework."""

import subprocess
import sys

import pytest

from dfad_tf.teachers import hdf5_check
from tests.conftest import small_classifier

RUN_AND_LIST_MODULES = """
import runpy
import sys
sys.argv = ["hdf5_check", sys.argv[1], "30"]
try:
    runpy.run_module("dfad_tf.teachers.hdf5_check", run_name="__main__", alter_sys=False)
except SystemExit as end:
    assert not end.code, end.code
assert "h5py" in sys.modules
print(*sorted({"keras", "tensorflow"} & set(sys.modules)))
"""


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_the_child_process_imports_neither_keras_nor_tensorflow(tmp_path, suffix):
    path = tmp_path / f"model{suffix}"
    small_classifier().save(path)
    done = subprocess.run(
        [sys.executable, "-c", RUN_AND_LIST_MODULES, str(path)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "\n"


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_the_child_process_is_run_on_both_formats(tmp_path, monkeypatch, suffix):
    path = tmp_path / f"model{suffix}"
    small_classifier().save(path)
    statuses, run = [], subprocess.run

    def record(command, **arguments):
        assert command[1:4] == ["-m", "dfad_tf.teachers.hdf5_check", str(path)]
        done = run(command, **arguments)
        statuses.append(done.returncode)
        return done

    monkeypatch.setattr(hdf5_check.subprocess, "run", record)
    hdf5_check.check_hdf5(str(path))
    assert statuses == [0]


def test_without_an_interpreter_the_check_is_skipped(tmp_path, monkeypatch):
    path = tmp_path / "model.h5"
    path.write_bytes(b"damaged")

    def missing(*_, **__):
        raise FileNotFoundError("no interpreter")

    monkeypatch.setattr(hdf5_check.subprocess, "run", missing)
    assert hdf5_check.check_hdf5(str(path)) is None
