"""Check the content of a `.keras` or `.h5` file before Keras creates a model from it."""

from __future__ import annotations

import json
import zipfile

import h5py

from dfad_tf.teachers.hdf5_check import check_hdf5
from dfad_tf.teachers.model_files import (
    ARCHIVE_CONFIG,
    ARCHIVE_WEIGHTS,
    is_archive,
    max_content_bytes,
)
from dfad_tf.utils.errors import InputError

# Layers that hold code, or a graph that runs outside Keras.
_CODE_LAYERS = ("TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer")
# The modules of the Keras functions that compute on tensors. Functions of other modules
# download, write files or change settings.
_FUNCTION_MODULES = (
    "builtins", "keras.activations", "keras.constraints", "keras.initializers", "keras.losses",
    "keras.metrics", "keras.ops", "keras.regularizers",
)  # fmt: skip


def check_keras_file(path: str, trust: bool = False) -> None:
    """Check the checksums, the weights and the layers of a file before it is loaded.

    Args:
        path: A `.keras` or `.h5` file.
        trust: Whether its layers may run Python code from the file.

    Raises:
        InputError: If the file is damaged, or contains code and is not trusted.
    """
    config = _archive_config(path) if is_archive(path) else _hdf5_config(path)
    try:
        content = json.loads(config)
    except (ValueError, RecursionError) as error:
        raise _incomplete(path, f"its layers could not be read: {error}") from error
    if not trust:
        _check_layers(content, path)


def _incomplete(path: str, problem: str) -> InputError:
    return InputError(f"Expected a complete Keras model in {path}. It could not be read: {problem}")


def _archive_config(path: str) -> bytes:
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                if member.file_size > max_content_bytes(member.compress_size):
                    raise InputError(
                        f"Expected a complete Keras model in {path}. Received: its member "
                        f"{member.filename!r} expands to {member.file_size} bytes"
                    )
            damaged = archive.testzip()
            names = archive.namelist()
            config = (
                archive.read(ARCHIVE_CONFIG) if ARCHIVE_CONFIG in names and damaged is None else b""
            )
    except InputError:
        raise
    except Exception as error:  # on damage, zipfile raises exceptions of a dozen types
        raise _incomplete(path, str(error)) from error
    if damaged is not None:
        raise _incomplete(path, f"the checksum of its member {damaged} is wrong")
    if ARCHIVE_CONFIG not in names:
        raise _incomplete(path, f"it has no {ARCHIVE_CONFIG}")
    if ARCHIVE_WEIGHTS in names:
        check_hdf5(path)
    return config


def _hdf5_config(path: str) -> bytes | str:
    check_hdf5(path)
    with h5py.File(path, "r") as file:
        config = file.attrs.get("model_config")
    if not isinstance(config, (str, bytes)):
        raise _incomplete(path, "it contains weights alone, and no layers")
    return config


def _check_layers(content: object, path: str) -> None:
    waiting = [content]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            waiting.extend(item.values())
            found = _code_in(item)
            if found:
                raise InputError(
                    f"Expected layers without Python code in {path}. Received: {found}; pass "
                    "`trust=True` if you trust the author of the file."
                )
        elif isinstance(item, list):
            waiting.extend(item)


def _code_in(item: dict[str, object]) -> str | None:
    """Return a description of the code that one object of the configuration runs, or None."""
    kind, config = item.get("class_name"), item.get("config")
    if kind == "__lambda__":
        return "a Python function"
    if kind in _CODE_LAYERS:
        return f"a {kind} layer"
    if kind == "Lambda" and isinstance(config, dict):
        function = config.get("function")
        if not isinstance(function, dict) or function.get("class_name") != "function":
            return f"the Lambda layer {config.get('name')!r}, which runs Python code"
    if kind == "function" and item.get("module") not in _FUNCTION_MODULES:
        return f"the function {config!r} of {item.get('module')!r}"
    return None
