"""The state of a training: read it, restore it, and keep it in one file."""

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
    """A snapshot of a training.

    Attributes:
        arrays: Values of the variables, by the names of `state_variables`.
        metadata: Further plain data, such as the epoch.
    """

    arrays: dict[str, np.ndarray]
    metadata: dict[str, Any]


def state_variables(model: keras.Model) -> dict[str, keras.Variable]:
    """Return the variables that training updates, by names that are the same in every process.

    Args:
        model: A compiled model. If it has a method `state_parts`, that method returns the
            variables. Otherwise they are those of the model, its optimizer and its loss.

    Example:

    >>> sorted({name.split("/")[0] for name in state_variables(distiller)})
    ['generator', 'generator_optimizer', 'metrics', 'optimizer', 'student']
    """
    if hasattr(model, "state_parts"):
        parts = model.state_parts()
    else:
        metrics = [variable for metric in model.metrics for variable in metric.variables]
        own = [v for v in model.variables if not any(v is metric for metric in metrics)]
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        # The first step builds the metrics of `compile`, so they do not exist yet on resuming.
        loss = [v for m in model.metrics if m.name == "loss" for v in m.variables]
        parts = {"model": own, "optimizer": model.optimizer.variables, "metrics": loss}
    return {
        f"{part}/{index}": variable
        for part, variables in parts.items()
        for index, variable in enumerate(variables)
    }


def read_state(model: keras.Model) -> dict[str, np.ndarray]:
    """Return copies of the values of `state_variables`, which training does not change."""
    return {
        name: np.array(keras.ops.convert_to_numpy(variable))
        for name, variable in state_variables(model).items()
    }


def assign_state(model: keras.Model, arrays: Mapping[str, np.ndarray], part: str = "") -> None:
    """Restore values.

    Args:
        model: The model that the values were read from, or one of the same structure.
        arrays: The arrays that `read_state` returned.
        part: Prefix of the names of the variables to restore; all of them by default.

    Raises:
        InputError: If the arrays are not those of this model. No variable is changed then.
    """
    variables = state_variables(model)
    given = {name: tuple(array.shape) for name, array in arrays.items()}
    wanted = {name: tuple(variable.shape) for name, variable in variables.items()}
    if given != wanted:
        different = sorted(
            name for name in given.keys() | wanted.keys() if given.get(name) != wanted.get(name)
        )
        name = different[0]
        raise InputError(
            "Expected a backup of the same networks, optimizers and method. Received one that "
            f"differs in {len(different)} of {len(wanted)} variables, first in {name}: "
            f"{given.get(name, 'absent')} for {wanted.get(name, 'none')}"
        )
    for name, variable in variables.items():
        if name.startswith(part):
            variable.assign(arrays[name])


@contextlib.contextmanager
def unchanged(model: keras.Model) -> Iterator[None]:
    """Restore the state of a training at the end of the context.

    Example:

    >>> student.compile("sgd", "mse")
    >>> with unchanged(student):
    ...     history = student.fit(images, teacher_logits, verbose=0)
    """
    before = read_state(model)
    try:
        yield
    finally:
        assign_state(model, before)


def digest(network: keras.Model | None) -> str:
    """Return a digest of a network's weights, and of the graph of a SavedModel.

    Args:
        network: A frozen network; the digest of None is the empty string.
    """
    if network is None:
        return ""
    found = hashlib.sha256(getattr(network, "graph_bytes", b""))
    for array in network.get_weights():
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def write_state(path: pathlib.Path, states: Mapping[str, TrainingState]) -> None:
    """Write snapshots of a training to one file. The previous file stays until this succeeds.

    If the process is interrupted, or the disk is full, the previous file is kept. A partial
    file remains beside it under another name, and the next call removes it.

    Args:
        path: The file.
        states: Snapshots by name.

    Raises:
        OSError: If the system refuses, for example because the disk is full.
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
            # The type stub takes every array that is passed by name for `allow_pickle`.
            np.savez(file, **{_METADATA: text}, **arrays)  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())  # or a power failure could leave an empty file
        os.replace(temporary, path)
    finally:
        pathlib.Path(temporary).unlink(missing_ok=True)
    _keep_name(path.parent)


def read_metadata(path: pathlib.Path) -> dict[str, dict[str, Any]]:
    """Return the metadata of each snapshot in a file; errors are those of `read_file`."""
    with _opened(path) as file:
        return _metadata(file)


def read_file(path: pathlib.Path) -> dict[str, TrainingState]:
    """Read the snapshots that `write_state` wrote.

    Raises:
        InputError: If the file is damaged, as its checksums indicate.
    """
    with _opened(path) as file:
        states = {name: TrainingState({}, data) for name, data in _metadata(file).items()}
        for name in file.files:
            if name != _METADATA:
                kind, variable = name.split("/", 1)
                states[kind].arrays[variable] = file[name]
    return states


@contextlib.contextmanager
def _opened(path: pathlib.Path) -> Iterator[np.lib.npyio.NpzFile]:
    try:
        with np.load(path, allow_pickle=False) as file:
            yield file
    except (zipfile.BadZipFile, ValueError, KeyError, EOFError) as error:
        raise InputError(
            f"Expected a whole backup in {path}. Received a damaged one ({error})"
        ) from error


def _metadata(file: np.lib.npyio.NpzFile) -> dict[str, dict[str, Any]]:
    content: dict[str, dict[str, Any]] = json.loads(file[_METADATA].tobytes().decode())
    return content


def _keep_name(folder: pathlib.Path) -> None:
    """Write a folder's entries to disk, so that a renamed file keeps its name."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
