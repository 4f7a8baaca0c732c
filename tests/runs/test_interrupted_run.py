"""The interrupted run that a command resumes: how it is found, checked, locked and finished."""

import subprocess
import sys

import pytest

from dfad_tf.runs import interrupted_run
from dfad_tf.runs.interrupted_run import find_interrupted, finish, is_interrupted, locked
from dfad_tf.utils.errors import InputError

SETTINGS = "--epochs=3\n--nojit_compile\n--seed=1\n"


def interrupted(folder, settings=SETTINGS):
    """Write what an interrupted run leaves: a backup, and the flags of its command."""
    (folder / "backup").mkdir(parents=True)
    (folder / "flags.flags").write_text(settings)
    return folder


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files(folder):
    return {path: path.is_file() and path.read_bytes() for path in folder.rglob("*")}


@pytest.mark.parametrize("resume", ["auto", "must"])
def test_a_named_run_is_found(tmp_path, resume):
    folder = interrupted(tmp_path / "run")
    assert find_interrupted(str(folder), resume, SETTINGS) == folder


@pytest.mark.parametrize("resume", ["auto", "must"])
def test_the_latest_run_of_the_same_flags_is_found_without_a_name(here, resume):
    for name, settings in (
        ("2026-01-01", SETTINGS),
        ("2026-02-02", SETTINGS),
        ("2026-03-03", SETTINGS.replace("seed=1", "seed=2")),
    ):
        interrupted(here / "runs" / name, settings)
    finished = interrupted(here / "runs" / "2026-04-04")
    finish(finished)
    (here / "runs" / "2026-05-05").write_text("no folder")
    found = find_interrupted(None, resume, SETTINGS)
    assert found is not None and found.resolve() == here / "runs" / "2026-02-02"


def test_auto_starts_a_new_run_where_there_is_none_to_resume(here):
    assert find_interrupted(None, "auto", SETTINGS) is None
    assert find_interrupted("absent", "auto", SETTINGS) is None
    (here / "runs" / "other").mkdir(parents=True)
    assert find_interrupted(None, "auto", SETTINGS) is None
    assert find_interrupted("runs/other", "auto", SETTINGS) is None


@pytest.mark.parametrize(("workdir", "named"), [(None, "runs/"), ("absent", "absent")])
def test_must_fails_where_there_is_no_run_to_resume(here, workdir, named):
    with pytest.raises(
        InputError, match=f"`workdir`, with `resume=must`. Received: {named} without one"
    ):
        find_interrupted(workdir, "must", SETTINGS)


def test_never_starts_a_new_run_and_changes_no_interrupted_one(here):
    folder = interrupted(here / "runs" / "one")
    before = files(here)
    assert find_interrupted(None, "never", SETTINGS) is None
    assert find_interrupted("absent", "never", SETTINGS) is None
    with pytest.raises(InputError, match="`resume=never`.*one, which contains an interrupted run"):
        find_interrupted(str(folder), "never", SETTINGS)
    assert files(here) == before


def test_the_error_names_every_flag_that_differs(here):
    folder = interrupted(here / "run")
    before = files(here)
    now = "--epochs=4\n--jit_compile\n--batch_size=8\n"
    with pytest.raises(InputError) as error:
        find_interrupted(str(folder), "auto", now)
    assert (
        "Received different ones: --batch_size=8 instead of (not set); --epochs=4 instead of 3; "
        "--jit_compile=true instead of false; --seed=(not set) instead of 1. Use the same"
    ) in str(error.value)
    assert files(here) == before


def test_ignored_flags_may_differ(tmp_path):
    folder = interrupted(tmp_path / "run", SETTINGS + "--verbose=auto\n")
    now = SETTINGS + "--data_dir=elsewhere\n--verbose=0\n"
    ignored = ["verbose", "data_dir"]
    assert find_interrupted(str(folder), "auto", now, ignored) == folder
    with pytest.raises(InputError, match="ones: --data_dir=elsewhere instead of .not set.. Use"):
        find_interrupted(str(folder), "auto", now, ["verbose"])


@pytest.mark.parametrize("named", [True, False])
def test_a_flag_recorded_under_its_old_name_is_the_same_flag(here, named):
    folder = interrupted(here / "runs" / "old", SETTINGS + "--most_restores=5\n")
    now, new_names = SETTINGS + "--max_restores=5\n", {"most_restores": "max_restores"}
    workdir = str(folder) if named else None
    found = find_interrupted(workdir, "must", now, renamed=new_names)
    assert found is not None and found.resolve() == folder
    with pytest.raises(InputError, match="--max_restores=4 instead of 5"):
        find_interrupted(str(folder), "must", now.replace("5", "4"), renamed=new_names)


def test_flags_are_read_in_the_format_that_absl_writes(tmp_path):
    interrupted(tmp_path, "# --seed=9\n\n--seed=1\n--name=a=b\n--nojit_compile\n--layers=\n")
    values = [interrupted_run.recorded_flag(tmp_path, name) for name in ("seed", "name", "layers")]
    assert values == ["1", "a=b", ""]
    assert interrupted_run.recorded_flag(tmp_path, "jit_compile") == "false"
    assert interrupted_run.recorded_flag(tmp_path, "absent") is None


HOLD_LOCK = """
import pathlib, sys
from dfad_tf.runs.interrupted_run import locked
with locked(pathlib.Path(sys.argv[1])):
    print("locked", flush=True)
    sys.stdin.read()
"""


def test_another_process_locks_the_folder_until_it_is_killed(here):
    folder = interrupted(here / "runs" / "2")
    earlier = interrupted(here / "runs" / "1")
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD_LOCK, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert child.stdout.readline().strip() == b"locked"
        with (
            pytest.raises(InputError, match="`workdir` to be unused.*another process is using"),
            locked(folder),
        ):
            pass
        # The latest run is locked, so the latest one that is free is found.
        assert find_interrupted(None, "auto", SETTINGS).resolve() == earlier
    finally:
        child.kill()
        child.communicate()
    assert find_interrupted(None, "auto", SETTINGS).resolve() == folder
    with locked(folder):
        pass


def test_a_run_is_interrupted_from_its_flag_file_until_it_is_finished(tmp_path):
    assert not is_interrupted(tmp_path)
    with locked(tmp_path):
        assert not is_interrupted(tmp_path)  # there is nothing to resume yet
        (tmp_path / "flags.flags").write_text(SETTINGS)
        assert is_interrupted(tmp_path)
        with pytest.raises(InputError, match="another process"), locked(tmp_path):
            pass
    finish(tmp_path)
    assert not is_interrupted(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"flags.flags"}
    finish(tmp_path)  # a second call changes nothing


def test_the_files_to_resume_from_are_copied_without_the_lock(tmp_path):
    folder, target = interrupted(tmp_path / "run"), tmp_path / "copy"
    target.mkdir()
    (folder / "backup" / "state.npz").write_bytes(b"state")
    (folder / "history.csv").write_text("loss\n")
    with locked(folder):
        interrupted_run.copy_interrupted(folder, target)
    assert is_interrupted(target)
    copied = {str(path.relative_to(target)) for path in target.rglob("*") if path.is_file()}
    assert copied == {"flags.flags", "backup/state.npz"}
    empty = tmp_path / "empty"
    empty.mkdir()
    finish(folder)
    interrupted_run.copy_interrupted(folder, empty)
    assert not list(empty.iterdir())
