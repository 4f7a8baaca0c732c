"""What a `.keras` or `.h5` file holds, looked at before Keras makes a model of it."""

from __future__ import annotations

import json
import zipfile
from typing import Any

import h5py

from dfad_tf.teachers.hdf5_check import WEIGHTS, check_hdf5
from dfad_tf.utils.errors import InputError

_CONFIG = "config.json"
_MOST_EXPANSION, _SMALL = 100, 2**26
# Layers that hold code, or a graph that runs outside Keras.
_CODE_LAYERS = ("TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer")
# Where Keras's functions of tensors stand; others download, write or set up.
_FUNCTION_MODULES = (
    "builtins", "keras.activations", "keras.constraints", "keras.initializers", "keras.losses",
    "keras.metrics", "keras.ops", "keras.regularizers",
)  # fmt: skip


def check_keras_file(path: str, trust: bool = False) -> None:
    """Check a file's checksums, weights and layers, before a model is made of it.

    Args:
        path: A `.keras` or `.h5` file.
        trust: Whether its layers may run Python code of their own.

    Raises:
        InputError: If it is damaged, or holds code and is not trusted.
    """
    config = _archive_config(path) if path.endswith(".keras") else _hdf5_config(path)
    try:
        content = json.loads(config)
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"Expected a whole Keras model in {path}. Its layers could not be read: {error}"
        ) from error
    if not trust:
        _check_layers(content, path)


def _archive_config(path: str) -> bytes:
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                if member.file_size > _SMALL + _MOST_EXPANSION * member.compress_size:
                    raise InputError(
                        f"Expected a whole Keras model in {path}. Received: {member.filename!r} "
                        f"in it, which grows to {member.file_size} bytes"
                    )
            damaged = archive.testzip()
            names = archive.namelist()
            config = archive.read(_CONFIG) if _CONFIG in names and damaged is None else b""
    except InputError:
        raise
    except Exception as error:  # zipfile raises a dozen types on damage
        raise InputError(
            f"Expected a whole Keras model in {path}. It could not be read: {error}"
        ) from error
    if damaged is not None or _CONFIG not in names:
        what = f"the checksum of {damaged} in it is wrong" if damaged else f"it has no {_CONFIG}"
        raise InputError(f"Expected a whole Keras model in {path}. It could not be read: {what}")
    if WEIGHTS in names:
        check_hdf5(path)
    return config


def _hdf5_config(path: str) -> bytes | str:
    check_hdf5(path)
    with h5py.File(path, "r") as file:
        config = file.attrs.get("model_config")
    if not isinstance(config, (str, bytes)):
        raise InputError(
            f"Expected a whole Keras model in {path}. It could not be read: it has weights alone, "
            "no layers"
        )
    return config


def _check_layers(content: Any, path: str) -> None:
    waiting = [content]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            waiting.extend(item.values())
            found = _code(item)
            if found:
                raise InputError(
                    f"Expected layers without code of their own in {path}. Received: {found}; add "
                    "--trust_teacher if you trust who made the file."
                )
        elif isinstance(item, list):
            waiting.extend(item)


def _code(item: dict[str, Any]) -> str | None:
    """What runs code in one object of a model's layers, in words."""
    kind, config = item.get("class_name"), item.get("config")
    if kind == "__lambda__":
        return "a Python function"
    if kind in _CODE_LAYERS:
        return f"a {kind} layer"
    if kind == "Lambda" and isinstance(config, dict):
        function = config.get("function")
        if not isinstance(function, dict) or function.get("class_name") != "function":
            return f"the Lambda layer {config.get('name')!r}, which runs Python"
    if kind == "function" and item.get("module") not in _FUNCTION_MODULES:
        return f"the function {config!r} of {item.get('module')!r}"
    return None
