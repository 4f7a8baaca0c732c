"""The formats of Keras model files, and the size that the content of a file may have."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterator

SUFFIXES = (".keras", ".h5", ".hdf5", ".model")
ARCHIVE_CONFIG = "config.json"  # the member of a `.keras` archive that holds the layers
ARCHIVE_WEIGHTS = "model.weights.h5"  # the member of a `.keras` archive that holds the weights
MAX_EXPANSION = 100  # bytes of content for each byte on disk
_ALWAYS_ALLOWED = 2**26  # bytes
# How the content of a file begins.
_KINDS = {b"\x89HDF\r\n\x1a\n": "hdf5", b"PK": "archive", b"version https://git-lfs": "git_lfs"}


def is_model_file(path: str | os.PathLike[str]) -> bool:
    """Return whether a path has the suffix of a Keras model file. The file need not exist.

    Example:

    >>> is_model_file("student.keras"), is_model_file("lenet5")
    (True, False)
    """
    return pathlib.PurePath(path).suffix in SUFFIXES


def file_kind(path: str | os.PathLike[str]) -> str | None:
    """Return what a file is by its content, whatever its suffix is.

    Args:
        path: An existing file.

    Returns:
        `"hdf5"`; `"archive"`, the `.keras` archives of Keras 2.12 and later; `"git_lfs"`, a pointer
        to a file that was not downloaded; None for anything else.
    """
    with open(path, "rb") as file:
        begin = file.read(64)
    return next((kind for mark, kind in _KINDS.items() if begin.startswith(mark)), None)


def is_archive(path: str | os.PathLike[str]) -> bool:
    """Return whether a path is a `.keras` archive, by its content; a new path, by its suffix."""
    if os.path.isfile(path) and file_kind(path) is not None:
        return file_kind(path) == "archive"
    return pathlib.PurePath(path).suffix == ".keras"


@contextlib.contextmanager
def suffixed(path: str | os.PathLike[str]) -> Iterator[str]:
    """Return a path of a file that ends as its content asks for, since Keras goes by the suffix.

    Args:
        path: An HDF5 file or a `.keras` archive, with any suffix.

    Yields:
        The path itself, or a link to the file in a temporary folder.
    """
    wanted = ".keras" if is_archive(path) else ".h5"
    if os.fspath(path).endswith((wanted, ".hdf5") if wanted == ".h5" else wanted):
        yield os.fspath(path)
        return
    with tempfile.TemporaryDirectory() as folder:
        place = os.path.join(folder, f"model{wanted}")
        try:
            os.symlink(os.path.abspath(path), place)
        except OSError:  # Windows, without the right to create one
            shutil.copyfile(path, place)
        yield place


def max_content_bytes(bytes_on_disk: int) -> int:
    """Return the maximum size that the content of a file, or of a part of it, may have.

    A damaged or malicious file can state a size that exhausts the memory.

    Args:
        bytes_on_disk: Size of the file, or the compressed size of its part.
    """
    return _ALWAYS_ALLOWED + MAX_EXPANSION * bytes_on_disk
