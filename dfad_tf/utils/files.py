"""Write files and folders completely or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import shutil
import tempfile
from collections.abc import Callable
from typing import Any

from dfad_tf.utils.errors import InputError


def check_writable(folder: pathlib.Path, what: str) -> None:
    """Check that a folder could be made or filled, and create nothing.

    Args:
        folder: The folder, which need not be there.
        what: What it is, for the error.

    Raises:
        InputError: If its nearest parent that is there is no folder, or a read-only one.
    """
    parent = folder.absolute()
    while not parent.exists():
        parent = parent.parent
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        raise InputError(f"Expected {what} to be writable. Received: {folder}")


def write_atomically(path: pathlib.Path, write: Callable[[str], Any]) -> None:
    """Write a file under another name in its folder, then rename it: whole or not there.

    Args:
        path: The file.
        write: Called with a temporary path of the same suffix.
    """
    handle, temporary = tempfile.mkstemp(suffix=path.suffix, prefix=".", dir=path.parent)
    os.close(handle)
    try:
        write(temporary)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    finally:
        pathlib.Path(temporary).unlink(missing_ok=True)


def write_folder(path: pathlib.Path, write: Callable[[pathlib.Path], Any]) -> None:
    """Fill a folder under another name beside it, then put it in place: whole or not there.

    Args:
        path: The folder; one that is there is replaced.
        write: Called with the temporary folder.

    Raises:
        InputError: If nothing can be written there.
    """
    path = path.resolve()
    missing = [parent for parent in path.parents if not parent.exists()]
    temporary = old = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = pathlib.Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
        write(temporary)
        os.chmod(temporary, 0o755)
        if path.exists():
            old = pathlib.Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
            os.replace(path, old)
        os.replace(temporary, path)
    except OSError as error:
        if old is not None and not path.exists():
            os.replace(old, path)
        raise InputError(f"{path} could not be written, and is as it was. {error}") from error
    finally:
        for left in (temporary, old):
            if left is not None:
                shutil.rmtree(left, ignore_errors=True)
        if not path.exists():
            for parent in missing:
                with contextlib.suppress(OSError):
                    parent.rmdir()


def write_text(path: pathlib.Path, text: str) -> None:
    """Write text as UTF-8, whole or not at all."""
    write_atomically(path, lambda name: pathlib.Path(name).write_text(text, encoding="utf-8"))


def write_json(path: pathlib.Path, content: dict[str, Any]) -> None:
    """Write plain data as indented JSON, whole or not at all."""
    write_text(path, json.dumps(content, indent=2) + "\n")
