"""Write files and folders completely or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import shutil
import tempfile
from collections.abc import Callable, Mapping

from dfad_tf.utils.errors import InputError


def check_writable(folder: pathlib.Path, what: str) -> None:
    """Check that a folder can be created or written to, without creating anything.

    Args:
        folder: The folder. It does not have to exist.
        what: The name of the folder in the error: an argument in backticks, or a description.

    Raises:
        InputError: If the nearest existing parent is not a folder or is read-only.
    """
    parent = folder.absolute()
    while not parent.exists():
        parent = parent.parent
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        raise InputError(f"Expected {what} to be writable. Received: {folder}")


def write_atomically(path: pathlib.Path, write: Callable[[str], object]) -> None:
    """Write a temporary file in the same folder, then rename it to its final name.

    A reader sees the previous file or the complete new file, but never a part of it. If
    `write` fails, the previous file is unchanged and the temporary file is removed.

    Args:
        path: The file.
        write: Called with the temporary path, which has the suffix of `path`.
    """
    handle, temporary = tempfile.mkstemp(suffix=path.suffix, prefix=".", dir=path.parent)
    os.close(handle)
    try:
        write(temporary)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    finally:
        pathlib.Path(temporary).unlink(missing_ok=True)


def write_folder(path: pathlib.Path, write: Callable[[pathlib.Path], object]) -> None:
    """Fill a temporary folder in the same parent folder, then rename it to its final name.

    If writing fails, an existing folder is unchanged and nothing new remains.

    Args:
        path: The folder. An existing folder is replaced with everything in it. A symbolic link
            is followed.
        write: Called with the temporary folder.

    Raises:
        InputError: If the folder cannot be written.
    """
    path = path.resolve()
    missing = [parent for parent in path.parents if not parent.exists()]
    temporary = previous = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = pathlib.Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
        write(temporary)
        os.chmod(temporary, 0o755)
        if path.exists():
            previous = pathlib.Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
            os.replace(path, previous)
        os.replace(temporary, path)
    except OSError as error:
        if previous is not None and not path.exists():
            os.replace(previous, path)
        raise InputError(
            f"Expected a writable folder. Received: {path}, which is as it was before ({error})"
        ) from error
    finally:
        for remaining in (temporary, previous):
            if remaining is not None:
                shutil.rmtree(remaining, ignore_errors=True)
        if not path.exists():
            for parent in missing:
                with contextlib.suppress(OSError):
                    parent.rmdir()


def write_text(path: pathlib.Path, text: str) -> None:
    """Write text as UTF-8, completely or not at all."""
    write_atomically(path, lambda name: pathlib.Path(name).write_text(text, encoding="utf-8"))


def write_json(path: pathlib.Path, content: Mapping[str, object]) -> None:
    """Write plain data as indented JSON, completely or not at all."""
    write_text(path, json.dumps(content, indent=2) + "\n")
