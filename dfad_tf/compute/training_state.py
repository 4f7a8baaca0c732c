"""All that training moves: read it, put it back, keep it in one file."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pathlib
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from dfad_tf.utils.errors import InputError

_METADATA = "metadata"
_UNFINISHED = ".unfinished-"


@dataclass
class TrainingState:
    """A moment of a training.

    Attributes:
        arrays: Values of the variables, by the names of `state_variables`.
        metadata: Plain data beside them, such as the epoch.
    """

    arrays: dict[str, np.ndarray]
    metadata: dict[str, Any]


def state_variables(model: keras.Model) -> dict[str, Any]:
    """Return the variables that training moves, under names that the next process gives too.

    Args:
        model: A compiled model. One with a `state_parts` method says itself what they are;
            of any other they are its own, its optimizer's and its loss's.
    """
    if hasattr(model, "state_parts"):
        parts = model.state_parts()
    else:
        metrics = [variable for metric in model.metrics for variable in metric.variables]
        own = [v for v in model.variables if not any(v is metric for metric in metrics)]
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        # The metrics of `compile` are built by the first step, and so not yet where one resumes.
        loss = [v for m in model.metrics if m.name == "loss" for v in m.variables]
        parts = {"model": own, "optimizer": model.optimizer.variables, "metrics": loss}
    return {
        f"{part}/{index}": variable
        for part, variables in parts.items()
        for index, variable in enumerate(variables)
    }


def read_state(model: keras.Model) -> dict[str, np.ndarray]:
    """Return copies of what `state_variables` names; training goes on without touching them."""
    return {
        name: np.array(keras.ops.convert_to_numpy(variable))
        for name, variable in state_variables(model).items()
    }


def assign_state(model: keras.Model, arrays: Mapping[str, np.ndarray], part: str = "") -> None:
    """Put values back.

    Args:
        model: The model that they were read from, or one built alike.
        arrays: What `read_state` returned.
        part: Only variables whose names begin so.

    Raises:
        InputError: If they are not this model's; nothing is changed then.
    """
    variables = state_variables(model)
    theirs = {name: tuple(array.shape) for name, array in arrays.items()}
    ours = {name: tuple(variable.shape) for name, variable in variables.items()}
    if theirs != ours:
        different = sorted(
            name for name in theirs.keys() | ours.keys() if theirs.get(name) != ours.get(name)
        )
        name = different[0]
        raise InputError(
            "Expected a backup of the same networks, optimizers and method. Received one that "
            f"differs in {len(different)} of {len(ours)} variables, first in {name}: "
            f"{theirs.get(name, 'absent')} for {ours.get(name, 'none')}"
        )
    for name, variable in variables.items():
        if name.startswith(part):
            variable.assign(arrays[name])


@contextlib.contextmanager
def unchanged(model: keras.Model) -> Iterator[None]:
    """Put all that training moves back as it was."""
    before = read_state(model)
    try:
        yield
    finally:
        assign_state(model, before)


def digest(network: keras.Model | None) -> str:
    """Return what tells a frozen network from others: a digest of its weights, and its graph."""
    if network is None:
        return ""
    found = hashlib.sha256(getattr(network, "graph_bytes", b""))
    for array in network.get_weights():
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def write_state(path: pathlib.Path, states: Mapping[str, TrainingState]) -> None:
    """Write moments of a training into one file: whole, or the file that was there stays.

    Killed at any time, or out of room, it leaves the old file. A half-written one lies
    beside it under another name, and the next call removes it.

    Args:
        path: The file.
        states: Moments by name.

    Raises:
        OSError: If the system refuses, such as on a full disk.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob(f"{_UNFINISHED}*"):
        left.unlink(missing_ok=True)
    metadata = {name: state.metadata for name, state in states.items()}
    arrays = {f"{k}/{n}": a for k, state in states.items() for n, a in state.arrays.items()}
    text = np.frombuffer(json.dumps(metadata).encode(), np.uint8)
    handle, temporary = tempfile.mkstemp(prefix=_UNFINISHED, dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            # Its stub takes any array by name for the switch `allow_pickle`.
            np.savez(file, **{_METADATA: text}, **arrays)  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())  # else a power cut could leave the new name without content
        os.replace(temporary, path)
    finally:
        pathlib.Path(temporary).unlink(missing_ok=True)
    _keep_name(path.parent)


def read_metadata(path: pathlib.Path) -> dict[str, dict[str, Any]]:
    """Return the plain data of a file by moment, without its arrays; errors as of `read_file`."""
    with _opened(path) as file:
        return _metadata(file)


def read_file(path: pathlib.Path) -> dict[str, TrainingState]:
    """Read what `write_state` wrote.

    Raises:
        InputError: If the file is damaged, as its checksums tell.
    """
    with _opened(path) as file:
        states = {name: TrainingState({}, data) for name, data in _metadata(file).items()}
        for name in file.files:
            if name != _METADATA:
                kind, variable = name.split("/", 1)
                states[kind].arrays[variable] = file[name]
    return states


@contextlib.contextmanager
def _opened(path: pathlib.Path) -> Iterator[Any]:
    try:
        with np.load(path, allow_pickle=False) as file:
            yield file
    except (zipfile.BadZipFile, ValueError, KeyError, EOFError) as error:
        raise InputError(
            f"Expected a whole backup in {path}. Received a damaged one ({error})"
        ) from error


def _metadata(file: Any) -> dict[str, dict[str, Any]]:
    content: dict[str, dict[str, Any]] = json.loads(file[_METADATA].tobytes().decode())
    return content


def _keep_name(folder: pathlib.Path) -> None:
    """Have the system keep a renamed file's name too, where folders can be synchronized."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
