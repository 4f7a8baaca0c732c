"""The folder of a new run."""

import re

import pytest

from dfad_tf.runs.run_folder import check_run_folder, create_run_folder
from dfad_tf.utils.errors import InputError


def test_runs_of_the_same_second_have_different_folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folders = [create_run_folder(None, "digits") for _ in range(3)]
    assert len(set(folders)) == 3 and all(folder.is_dir() for folder in folders)
    assert re.fullmatch(r"runs/\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d_digits", str(folders[0]))


def test_a_named_folder_must_be_empty(tmp_path):
    folder = tmp_path / "run"
    assert create_run_folder(str(folder), "digits") == folder
    assert create_run_folder(str(folder), "digits") == folder
    (folder / "notes.txt").write_text("notes")
    with pytest.raises(InputError, match="Expected `workdir` to be a new or empty folder"):
        create_run_folder(str(folder), "digits")


def test_a_run_that_was_interrupted_at_once_leaves_an_empty_folder(tmp_path):
    (tmp_path / "backup").mkdir()
    (tmp_path / "backup" / "lock").touch()
    check_run_folder(str(tmp_path))
    (tmp_path / "backup" / "state.npz").touch()
    with pytest.raises(InputError, match="is not empty"):
        check_run_folder(str(tmp_path))


def test_the_check_creates_nothing(tmp_path):
    check_run_folder(str(tmp_path / "new" / "run"))
    assert list(tmp_path.iterdir()) == []
