"""One folder a run: never shared, and never with a half-written file in it."""

from __future__ import annotations

import contextlib
import datetime
import importlib.metadata
import json
import os
import pathlib
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from typing import Any

from dfad_tf.errors import InputError
from dfad_tf.pixel_contract import PixelContract


def create_run_folder(workdir: str | None, label: str) -> pathlib.Path:
    """Create the folder of a run.

    Args:
        workdir: The folder's path; None makes a fresh dated one under `runs/`.
        label: What the dated folder is called after its date.

    Returns:
        The path of an empty folder.

    Raises:
        InputError: If it holds something already, or cannot be written.
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
        raise InputError(f"Expected --workdir to be writable. {error}") from error
    return folder


def check_run_folder(workdir: str | None) -> None:
    """Check that a run can be written there, and create nothing.

    Raises:
        InputError: If the folder holds something already, or cannot be written.
    """
    folder = pathlib.Path(workdir or "runs")
    if workdir and folder.exists() and (not folder.is_dir() or not _is_empty(folder)):
        raise InputError(
            "Expected --workdir to be a new or an empty folder. "
            f"Received: {folder}, which already holds something"
        )
    check_writable(folder, "--workdir")


def _is_empty(folder: pathlib.Path) -> bool:
    """Whether nothing is in a folder, or what a run leaves that was killed as it began."""
    for path in folder.iterdir():
        just_begun = path.name == "backup" and {file.name for file in path.iterdir()} <= {"lock"}
        if not (just_begun and path.is_dir()):
            return False
    return True


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


def write_whole(path: pathlib.Path, write: Callable[[str], Any]) -> None:
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
    write_whole(path, lambda name: pathlib.Path(name).write_text(text, encoding="utf-8"))


def write_json(path: pathlib.Path, content: dict[str, Any]) -> None:
    """Write plain data as indented JSON, whole or not at all."""
    write_text(path, json.dumps(content, indent=2) + "\n")


def run_of(model: pathlib.Path) -> dict[str, Any]:
    """Return the `result.json` beside a model of a run; nothing for a model from elsewhere."""
    try:
        content = json.loads(model.with_name("result.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    of_a_run = isinstance(content, dict) and model.name in ("student.keras", "teacher.keras")
    return content if of_a_run else {}


def contract_of(run: dict[str, Any], channels: int) -> PixelContract | None:
    """Return the pixels that a run's networks take; None where they are not recorded.

    Args:
        run: What `run_of` returns.
        channels: Channels of the images.

    Raises:
        InputError: If the record is damaged.
    """
    pixels = run.get("pixels")
    if pixels is None:
        return None
    try:
        mean, std = tuple(map(float, pixels["mean"])), tuple(map(float, pixels["std"]))
        found = PixelContract(pixels["range"], mean, std, "recorded by its run")
        if len(mean) not in (1, channels):
            raise ValueError(f"{len(mean)} means for {channels} channels")
    except (TypeError, KeyError, ValueError) as error:
        raise InputError(
            "Expected `pixels` in the result.json beside the model to be a range with a mean and "
            f"a std for each channel. Received: {pixels}"
        ) from error
    return found.for_channels(channels)


def labels_of(run: dict[str, Any]) -> list[str]:
    """Return the labels that a run recorded; none where it did not."""
    labels = run.get("labels")
    if isinstance(labels, list) and all(isinstance(label, str) for label in labels):
        return labels
    return []


def versions() -> dict[str, str]:
    """Return what a result depends on: versions, machine, and commit where there is one."""
    found = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": _processor(),
    }
    for package in ("dfad_tf", "tensorflow", "keras", "ai-edge-litert", "numpy"):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    checkout = pathlib.Path(__file__).parent.parent
    if (checkout / ".git").exists():
        command = ["git", "-C", str(checkout), "describe", "--always", "--dirty"]
        described = subprocess.run(command, capture_output=True, text=True, check=False)
        found["commit"] = described.stdout.strip() or "unknown"
    return found


def _processor() -> str:
    """The processor's own name; Python's `platform` knows only its architecture."""
    try:
        text = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    named = [line.split(":", 1)[1].strip() for line in text.splitlines() if "model name" in line]
    return named[0] if named else platform.machine()
