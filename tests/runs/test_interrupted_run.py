"""The run that a command goes on with: found, refused, kept from others, and finished."""

import subprocess
import sys

import pytest

from dfad_tf.runs import interrupted_run
from dfad_tf.runs.interrupted_run import find_interrupted, finish, is_interrupted, locked
from dfad_tf.utils.errors import InputError

SETTINGS = "--epochs=3\n--nojit_compile\n--seed=1\n"


def unfinished(folder, settings=SETTINGS):
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
    folder = unfinished(tmp_path / "run")
    assert find_interrupted(str(folder), resume, SETTINGS) == folder


@pytest.mark.parametrize("resume", ["auto", "must"])
def test_the_latest_run_of_the_same_flags_is_found_without_a_name(here, resume):
    for name, settings in (
        ("2026-01-01", SETTINGS),
        ("2026-02-02", SETTINGS),
        ("2026-03-03", SETTINGS.replace("seed=1", "seed=2")),
    ):
        unfinished(here / "runs" / name, settings)
    finished = unfinished(here / "runs" / "2026-04-04")
    finish(finished)
    (here / "runs" / "2026-05-05").write_text("no folder")
    found = find_interrupted(None, resume, SETTINGS)
    assert found is not None and found.resolve() == here / "runs" / "2026-02-02"


def test_auto_begins_anew_where_there_is_nothing_to_go_on_with(here):
    assert find_interrupted(None, "auto", SETTINGS) is None
    assert find_interrupted("absent", "auto", SETTINGS) is None
    (here / "runs" / "other").mkdir(parents=True)
    assert find_interrupted(None, "auto", SETTINGS) is None
    assert find_interrupted("runs/other", "auto", SETTINGS) is None


@pytest.mark.parametrize(("workdir", "named"), [(None, "runs/"), ("absent", "absent")])
def test_must_fails_without_one(here, workdir, named):
    with pytest.raises(InputError, match=f"--resume=must. Received: {named} without one"):
        find_interrupted(workdir, "must", SETTINGS)


def test_never_begins_anew_and_touches_no_unfinished_run(here):
    folder = unfinished(here / "runs" / "one")
    before = files(here)
    assert find_interrupted(None, "never", SETTINGS) is None
    assert find_interrupted("absent", "never", SETTINGS) is None
    with pytest.raises(InputError, match="--resume=never.*one, which holds an unfinished run"):
        find_interrupted(str(folder), "never", SETTINGS)
    assert files(here) == before


def test_all_flags_that_differ_are_named(here):
    folder = unfinished(here / "run")
    before = files(here)
    now = "--epochs=4\n--jit_compile\n--batch_size=8\n"
    with pytest.raises(InputError) as refused:
        find_interrupted(str(folder), "auto", now)
    assert (
        "Received others: --batch_size=8, then (not set); --epochs=4, then 3; "
        "--jit_compile=true, then false; --seed=(not set), then 1. Give the same"
    ) in str(refused.value)
    assert files(here) == before


def test_flags_that_are_free_may_differ(tmp_path):
    folder = unfinished(tmp_path / "run", SETTINGS + "--verbose=auto\n")
    now = SETTINGS + "--data_dir=elsewhere\n--verbose=0\n"
    free = ["verbose", "data_dir"]
    assert find_interrupted(str(folder), "auto", now, free) == folder
    with pytest.raises(InputError, match="others: --data_dir=elsewhere, then .not set.. Give"):
        find_interrupted(str(folder), "auto", now, ["verbose"])


def test_values_are_read_as_absl_writes_them(tmp_path):
    unfinished(tmp_path, "# --seed=9\n\n--seed=1\n--name=a=b\n--nojit_compile\n--layers=\n")
    values = [interrupted_run.recorded_flag(tmp_path, name) for name in ("seed", "name", "layers")]
    assert values == ["1", "a=b", ""]
    assert interrupted_run.recorded_flag(tmp_path, "jit_compile") == "false"
    assert interrupted_run.recorded_flag(tmp_path, "absent") is None


HOLD = """
import pathlib, sys
from dfad_tf.interrupted_run import locked
with locked(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_another_process_keeps_the_folder_until_it_is_killed(here):
    folder = unfinished(here / "runs" / "2")
    earlier = unfinished(here / "runs" / "1")
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert child.stdout.readline().strip() == b"held"
        with pytest.raises(InputError, match="another process is at work"), locked(folder):
            pass
        # Not the latest then, but the latest that is free.
        assert find_interrupted(None, "auto", SETTINGS).resolve() == earlier
    finally:
        child.kill()
        child.communicate()
    assert find_interrupted(None, "auto", SETTINGS).resolve() == folder
    with locked(folder):
        pass


def test_a_folder_is_unfinished_from_its_lock_to_its_end(tmp_path):
    assert not is_interrupted(tmp_path)
    with locked(tmp_path):
        assert not is_interrupted(tmp_path)  # nothing yet that could go on
        (tmp_path / "flags.flags").write_text(SETTINGS)
        assert is_interrupted(tmp_path)
        with pytest.raises(InputError, match="another process"), locked(tmp_path):
            pass
    finish(tmp_path)
    assert not is_interrupted(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"flags.flags"}
    finish(tmp_path)  # twice does no harm


def test_what_a_run_goes_on_from_is_copied_without_its_lock(tmp_path):
    folder, target = unfinished(tmp_path / "run"), tmp_path / "copy"
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
