"""Read an HDF5 file completely in a child process, because damage can hang or crash the library.

The child process imports neither Keras nor TensorFlow, so it takes a fraction of a second.
"""

from __future__ import annotations

import contextlib
import io
import os
import pathlib
import signal
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

from dfad_tf.teachers.model_files import (
    ARCHIVE_WEIGHTS,
    MAX_EXPANSION,
    is_archive,
    max_content_bytes,
)
from dfad_tf.utils.errors import InputError

if TYPE_CHECKING:
    import h5py

_DAMAGED = 3  # exit status of the child process
_MIN_SECONDS, _BYTES_PER_SECOND = 5, 20 * 2**20
_MEMORY_OF_LIBRARIES = 2**34  # bytes of address space


def check_hdf5(path: str) -> None:
    """Check that the weights of a `.h5` or `.keras` file can be read completely.

    Args:
        path: The file.

    Raises:
        InputError: If the weights cannot be read, hang or crash the HDF5 library, or are stored
            in other files.
    """
    seconds = _MIN_SECONDS + os.path.getsize(path) // _BYTES_PER_SECOND
    try:
        done = _read_in_child(path, seconds)
    except subprocess.TimeoutExpired:
        problem = "it hangs the HDF5 library"
    except OSError:
        return  # there is no Python interpreter to run, as in a program that embeds Python
    else:
        if done.returncode == _DAMAGED:
            problem = done.stdout.strip()[:200] or "it is damaged"
        elif done.returncode < 0:
            hangs = done.returncode in (-signal.SIGXCPU, -signal.SIGKILL)
            problem = f"it {'hangs' if hangs else 'crashes'} the HDF5 library"
        else:
            return
    raise InputError(f"Expected complete weights in {path}. They could not be read: {problem}")


def _read_in_child(path: str, seconds: int) -> subprocess.CompletedProcess[str]:
    """Run this module in a process that may take a number of seconds of processor time."""
    home = str(pathlib.Path(__file__).parent.parent.parent)
    paths = [home, *filter(None, [os.environ.get("PYTHONPATH")])]
    return subprocess.run(
        [sys.executable, "-m", "dfad_tf.teachers.hdf5_check", path, str(seconds)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        stdin=subprocess.DEVNULL,
        text=True,
        errors="replace",
        check=False,
        # Wall-clock time, for systems where processor time cannot be limited.
        timeout=60 + 10 * seconds,
    )


def _open(path: str) -> io.BytesIO | str:
    if not is_archive(path):
        return path
    with zipfile.ZipFile(path) as archive:
        return io.BytesIO(archive.read(ARCHIVE_WEIGHTS))


def _read_all(path: str) -> None:
    import h5py

    max_bytes = max_content_bytes(os.path.getsize(path))

    def read(name: str, item: h5py.Group | h5py.Dataset) -> None:
        dict(item.attrs)
        if isinstance(item, h5py.Dataset):
            if item.is_virtual or item.external:
                raise ValueError(f"{name} is stored in another file")
            if item.nbytes > max_bytes:
                raise ValueError(f"{name} states a size of {item.nbytes} bytes")
            item[()]
            return
        for link in item:
            if isinstance(item.get(link, getlink=True), h5py.ExternalLink):
                raise ValueError(f"{name}/{link} is stored in another file")

    with h5py.File(_open(path), "r") as file:
        read("", file)
        file.visititems(read)


def _limit_resources(path: str, seconds: int) -> None:
    """Limit processor time and memory of this process where the system allows it."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        memory = _MEMORY_OF_LIBRARIES + MAX_EXPANSION * os.path.getsize(path)
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def _main(path: str, seconds: int) -> int:
    """Read a file, print what is wrong with it, and return the exit status."""
    _limit_resources(path, seconds)
    try:
        _read_all(path)
    except ImportError:
        raise
    except Exception as error:  # on damage, h5py raises exceptions of many types
        print(" ".join(str(error).split()) or type(error).__name__)
        return _DAMAGED
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1], int(sys.argv[2])))
