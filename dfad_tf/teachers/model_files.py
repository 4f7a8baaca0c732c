"""The formats of Keras model files, and the size that the content of a file may have."""

from __future__ import annotations

import os
import pathlib

SUFFIXES = (".keras", ".h5", ".hdf5")
ARCHIVE_WEIGHTS = "model.weights.h5"  # the member of a `.keras` archive that holds the weights
MAX_EXPANSION = 100  # bytes of content for each byte on disk
_ALWAYS_ALLOWED = 2**26  # bytes


def is_model_file(path: str | os.PathLike[str]) -> bool:
    """Return whether a path has the suffix of a Keras model file. The file need not exist.

    Example:

    >>> is_model_file("student.keras"), is_model_file("lenet5")
    (True, False)
    """
    return pathlib.PurePath(path).suffix in SUFFIXES


def is_archive(path: str | os.PathLike[str]) -> bool:
    """Return whether a path has the suffix of a `.keras` archive, and not of an HDF5 file."""
    return pathlib.PurePath(path).suffix == ".keras"


def max_content_bytes(bytes_on_disk: int) -> int:
    """Return the maximum size that the content of a file, or of a part of it, may have.

    A damaged or malicious file can state a size that exhausts the memory.

    Args:
        bytes_on_disk: Size of the file, or the compressed size of its part.
    """
    return _ALWAYS_ALLOWED + MAX_EXPANSION * bytes_on_disk
