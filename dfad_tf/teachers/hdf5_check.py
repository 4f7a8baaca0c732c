"""Read a whole HDF5 file in a process of its own, for its library hangs or crashes on damage.

The process imports neither Keras nor TensorFlow, so it costs a fraction of a second.
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

from dfad_tf.utils.errors import InputError

WEIGHTS = "model.weights.h5"  # the member of a .keras file
_DAMAGED = 3
_LEAST_SECONDS, _BYTES_A_SECOND = 5, 20 * 2**20
_MOST_EXPANSION, _SMALL = 100, 2**26


def check_hdf5(path: str) -> None:
    """Check that the weights of a `.h5` or `.keras` file can be read to the last byte.

    Args:
        path: The file.

    Raises:
        InputError: If they cannot, hang the library or crash it, or lie in other files.
    """
    home = str(pathlib.Path(__file__).parent.parent.parent)
    paths = [home, *filter(None, [os.environ.get("PYTHONPATH")])]
    seconds = _LEAST_SECONDS + os.path.getsize(path) // _BYTES_A_SECOND
    try:
        done = subprocess.run(
            [sys.executable, "-m", "dfad_tf.teachers.hdf5_check", path, str(seconds)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            check=False,
            timeout=60 + 10 * seconds,  # by the clock, where processor time cannot be limited
        )
    except subprocess.TimeoutExpired:
        what = "it takes the HDF5 library without end"
    except OSError:
        return  # no interpreter to ask, as in a program that embeds this one
    else:
        if done.returncode == _DAMAGED:
            what = done.stdout.strip()[:200] or "it is damaged"
        elif done.returncode < 0:
            endless = done.returncode in (-signal.SIGXCPU, -signal.SIGKILL)
            what = f"it {'takes' if endless else 'crashes'} the HDF5 library"
            what += " without end" if endless else ""
        else:
            return
    raise InputError(f"Expected whole weights in {path}. They could not be read: {what}")


def _open(path: str) -> io.BytesIO | str:
    if not path.endswith(".keras"):
        return path
    with zipfile.ZipFile(path) as archive:
        return io.BytesIO(archive.read(WEIGHTS))


def _read_all(path: str) -> None:
    import h5py

    most = _SMALL + _MOST_EXPANSION * os.path.getsize(path)

    def read(name: str, item: h5py.Group | h5py.Dataset) -> None:
        dict(item.attrs)
        if isinstance(item, h5py.Dataset):
            if item.is_virtual or item.external:
                raise ValueError(f"{name} lies in another file")
            if item.nbytes > most:
                raise ValueError(f"{name} says that it has {item.nbytes} bytes")
            item[()]
            return
        for link in item:
            if isinstance(item.get(link, getlink=True), h5py.ExternalLink):
                raise ValueError(f"{name}/{link} lies in another file")

    with h5py.File(_open(path), "r") as file:
        read("", file)
        file.visititems(read)


def _main(path: str, seconds: int) -> int:
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        memory = 2**34 + _MOST_EXPANSION * os.path.getsize(path)
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    try:
        _read_all(path)
    except ImportError:
        raise
    except Exception as error:  # h5py raises what HDF5 hits on: of every type
        print(" ".join(str(error).split()) or type(error).__name__)
        return _DAMAGED
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1], int(sys.argv[2])))
