"""Find the interrupted run of the same command, and lock its folder."""

from __future__ import annotations

import contextlib
import pathlib
import shutil
from collections.abc import Collection, Iterator, Mapping

import filelock

from dfad_tf.utils.errors import InputError

FLAG_FILE = "flags.flags"
_BACKUP = "backup"
_LOCK = "lock"


def backup_folder(folder: pathlib.Path) -> pathlib.Path:
    """Return the folder of a run's backup, which exists until the run has finished."""
    return folder / _BACKUP


def is_interrupted(folder: pathlib.Path) -> bool:
    """Return whether a run in this folder was started and has not finished."""
    return backup_folder(folder).is_dir() and (folder / FLAG_FILE).is_file()


def copy_interrupted(folder: pathlib.Path, target: pathlib.Path) -> None:
    """Copy what an interrupted run resumes from into an empty folder, if there is such a run."""
    if is_interrupted(folder):
        shutil.copy(folder / FLAG_FILE, target / FLAG_FILE)
        ignored = shutil.ignore_patterns(_LOCK)
        shutil.copytree(backup_folder(folder), backup_folder(target), ignore=ignored)


def find_interrupted(
    workdir: str | None,
    resume: str,
    flags_text: str,
    ignored: Collection[str] = (),
    renamed: Mapping[str, str] | None = None,
) -> pathlib.Path | None:
    """Find the interrupted run that a command resumes.

    Args:
        workdir: The run's folder; None searches `runs/`, from the last name to the first, for a
            run with the same flags that no other process has locked.
        resume: `"auto"` resumes a run where there is one, `"must"` requires one, `"never"` starts
            a new run.
        flags_text: The flags of this command, one `--name=value` per line.
        ignored: Names of flags that may differ.
        renamed: New names of flags that an earlier version recorded under old names.

    Returns:
        Its folder; None for a new run.

    Raises:
        InputError: If the run in `workdir` had other flags, or none was found and one is required.
    """
    if resume == "never":
        if workdir and is_interrupted(pathlib.Path(workdir)):
            raise InputError(
                "Expected `workdir` to be a new or empty folder, with `resume=never`. "
                f"Received: {workdir}, which contains an interrupted run"
            )
        return None
    found: pathlib.Path | None = None
    now = _values(flags_text)
    if workdir:
        folder = pathlib.Path(workdir)
        if is_interrupted(folder):
            _check_same(folder, _differences(folder, now, ignored, renamed or {}))
            found = folder
    else:
        for folder in sorted(pathlib.Path("runs").glob("*"), reverse=True):
            if (
                is_interrupted(folder)
                and not _differences(folder, now, ignored, renamed or {})
                and _is_free(folder)
            ):
                found = folder
                break
    if found is None and resume == "must":
        raise InputError(
            "Expected an interrupted run of these flags in `workdir`, with `resume=must`. "
            f"Received: {workdir or 'runs/'} without one"
        )
    return found


def recorded_flag(folder: pathlib.Path, name: str) -> str | None:
    """Return the value of a flag that a run recorded; None where it did not."""
    return _values((folder / FLAG_FILE).read_text(encoding="utf-8")).get(name)


@contextlib.contextmanager
def locked(folder: pathlib.Path, resumes: bool = False) -> Iterator[None]:
    """Lock an unfinished run's folder; the lock ends with the process that holds it.

    Args:
        folder: The run's folder, in which the folder of its backup is created.
        resumes: Whether another process started the run; its temporary files are removed.

    Raises:
        InputError: If another process holds the lock, or has finished the run in the meantime.
    """
    if not resumes:
        backup_folder(folder).mkdir(exist_ok=True)
    elif not is_interrupted(folder):
        raise InputError(
            f"Expected an interrupted run in {folder}. Another process has finished it"
        )
    lock = filelock.FileLock(backup_folder(folder) / _LOCK)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout as error:
        raise InputError(
            f"Expected `workdir` to be unused. Received: {folder}, which another process is using"
        ) from error
    try:
        for left in folder.glob(".*") if resumes else ():
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        yield
    finally:
        lock.release()


def finish(folder: pathlib.Path) -> None:
    """Mark a run as finished, by removing its backup."""
    shutil.rmtree(backup_folder(folder), ignore_errors=True)


def _is_free(folder: pathlib.Path) -> bool:
    try:
        with locked(folder, resumes=True):
            return True
    except InputError:
        return False


def _check_same(folder: pathlib.Path, differences: list[str]) -> None:
    if differences:
        raise InputError(
            f"Expected the flags of the interrupted run in {folder}. Received different ones: "
            f"{'; '.join(differences)}. Use the same flags, or another `workdir` for a new run"
        )


def _differences(
    folder: pathlib.Path, now: dict[str, str], ignored: Collection[str], renamed: Mapping[str, str]
) -> list[str]:
    recorded = _values((folder / FLAG_FILE).read_text(encoding="utf-8"))
    before = {renamed.get(name, name): value for name, value in recorded.items()}
    return [
        f"--{name}={now.get(name, '(not set)')} instead of {before.get(name, '(not set)')}"
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
