"""The folder of a run."""

from __future__ import annotations

import datetime
import pathlib

from dfad_tf.utils.errors import InputError
from dfad_tf.utils.files import check_writable


def create_run_folder(workdir: str | None, label: str) -> pathlib.Path:
    """Create the folder of a run.

    Args:
        workdir: The folder's path; None creates a folder under `runs/` that is named by date.
        label: Second part of a dated folder's name.

    Returns:
        The path of an empty folder.

    Raises:
        InputError: If it is not empty, or cannot be written.
    """
    date = datetime.datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    folder = pathlib.Path(workdir or f"runs/{date}_{label}")
    attempt = 1
    while not workdir and folder.exists():
        attempt += 1
        folder = pathlib.Path(f"runs/{date}_{label}_{attempt}")
    check_run_folder(str(folder))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"Expected `workdir` to be writable. {error}") from error
    return folder


def check_run_folder(workdir: str | None) -> None:
    """Check that a run can be written to a folder, without creating it.

    Raises:
        InputError: If the folder is not empty, or cannot be written.
    """
    folder = pathlib.Path(workdir or "runs")
    if workdir and folder.exists() and (not folder.is_dir() or not _is_empty(folder)):
        raise InputError(
            "Expected `workdir` to be a new or empty folder. "
            f"Received: {folder}, which is not empty"
        )
    check_writable(folder, "`workdir`")


def _is_empty(folder: pathlib.Path) -> bool:
    """Return whether a folder is empty.

    The files of a run that was interrupted immediately after its start do not count.
    """
    for path in folder.iterdir():
        just_begun = path.name == "backup" and {file.name for file in path.iterdir()} <= {"lock"}
        if not (just_begun and path.is_dir()):
            return False
    return True
