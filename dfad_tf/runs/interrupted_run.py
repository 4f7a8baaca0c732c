"""Find the run that the same command left unfinished, and keep others out of its folder."""

from __future__ import annotations

import contextlib
import pathlib
import shutil
from collections.abc import Collection, Iterator

import filelock

from dfad_tf.utils.errors import InputError

FLAG_FILE = "flags.flags"
_BACKUP = "backup"
_LOCK = "lock"


def backup_folder(folder: pathlib.Path) -> pathlib.Path:
    """Return where a run's backup lies while it is unfinished; a finished run has none."""
    return folder / _BACKUP


def is_interrupted(folder: pathlib.Path) -> bool:
    """Whether a run in this folder was begun, and did not come to its end."""
    return backup_folder(folder).is_dir() and (folder / FLAG_FILE).is_file()


def copy_interrupted(folder: pathlib.Path, target: pathlib.Path) -> None:
    """Copy what an unfinished run goes on from into an empty folder; nothing without one."""
    if is_interrupted(folder):
        shutil.copy(folder / FLAG_FILE, target / FLAG_FILE)
        ignored = shutil.ignore_patterns(_LOCK)
        shutil.copytree(backup_folder(folder), backup_folder(target), ignore=ignored)


def find_interrupted(
    workdir: str | None, resume: str, flags_text: str, ignored: Collection[str] = ()
) -> pathlib.Path | None:
    """Find the run that a command goes on with.

    Args:
        workdir: The folder that was named; None looks under `runs/`, from the last name to the
            first, for a run with the same flags that no other process is at.
        resume: `"auto"` goes on where there is something to go on with, `"must"` insists on
            it, `"never"` begins anew.
        flags_text: The flags of this command, a `--name=value` a line.
        ignored: Names of flags that may differ.

    Returns:
        Its folder; None for a new run.

    Raises:
        InputError: If the named run had other flags, or there is none and there must be.
    """
    if resume == "never":
        if workdir and is_interrupted(pathlib.Path(workdir)):
            raise InputError(
                "Expected --workdir to be a new or an empty folder, for --resume=never. "
                f"Received: {workdir}, which holds an unfinished run"
            )
        return None
    found: pathlib.Path | None = None
    if workdir:
        folder = pathlib.Path(workdir)
        if is_interrupted(folder):
            _check_same(folder, flags_text, ignored)
            found = folder
    else:
        for folder in sorted(pathlib.Path("runs").glob("*"), reverse=True):
            same = is_interrupted(folder) and not _differences(folder, flags_text, ignored)
            if same and _is_free(folder):
                found = folder
                break
    if found is None and resume == "must":
        raise InputError(
            "Expected an unfinished run of these flags in --workdir, for --resume=must. Received: "
            f"{workdir or 'runs/'} without one"
        )
    return found


def recorded_flag(folder: pathlib.Path, name: str) -> str | None:
    """Return the value of a flag that a run recorded; None where it did not."""
    return _values((folder / FLAG_FILE).read_text(encoding="utf-8")).get(name)


@contextlib.contextmanager
def locked(folder: pathlib.Path, goes_on: bool = False) -> Iterator[None]:
    """Keep other processes out of an unfinished run's folder; killed, it is free again.

    Args:
        folder: The run's folder, in which a folder for its backup is made.
        goes_on: Whether the run was begun by another process; what that one left
            half-written is removed.

    Raises:
        InputError: If another process is at it, or has ended it in the meantime.
    """
    if not goes_on:
        backup_folder(folder).mkdir(exist_ok=True)
    elif not is_interrupted(folder):
        raise InputError(f"Expected an unfinished run in {folder}. Another process has ended it")
    lock = filelock.FileLock(backup_folder(folder) / _LOCK)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout as error:
        raise InputError(
            f"Expected --workdir to be free. Received: {folder}, where another process is at work"
        ) from error
    try:
        for left in folder.glob(".*") if goes_on else ():
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        yield
    finally:
        lock.release()


def finish(folder: pathlib.Path) -> None:
    """Mark a run as finished: its backup has served its purpose."""
    shutil.rmtree(backup_folder(folder), ignore_errors=True)


def _is_free(folder: pathlib.Path) -> bool:
    try:
        with locked(folder, goes_on=True):
            return True
    except InputError:
        return False


def _check_same(folder: pathlib.Path, flags_text: str, ignored: Collection[str]) -> None:
    differences = _differences(folder, flags_text, ignored)
    if differences:
        raise InputError(
            f"Expected the flags of the unfinished run in {folder}. Received others: "
            f"{'; '.join(differences)}. Give the same, or another --workdir for a new run"
        )


def _differences(folder: pathlib.Path, flags_text: str, ignored: Collection[str]) -> list[str]:
    before = _values((folder / FLAG_FILE).read_text(encoding="utf-8"))
    now = _values(flags_text)
    return [
        f"--{name}={now.get(name, '(not set)')}, then {before.get(name, '(not set)')}"
        for name in sorted(before.keys() | now.keys())
        if name not in ignored and before.get(name) != now.get(name)
    ]


def _values(text: str) -> dict[str, str]:
    values = {}
    for line in text.splitlines():
        name, equals, value = line.strip().removeprefix("--").partition("=")
        if name and not name.startswith("#"):
            # absl writes switches as --name and --noname.
            switch_off = not equals and name.startswith("no")
            values[name.removeprefix("no") if switch_off else name] = (
                value if equals else str(not switch_off).lower()
            )
    return values
