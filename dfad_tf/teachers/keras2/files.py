"""Files of Keras 2: whole models in HDF5, and `.keras` archives of Keras 2.12 and later."""

from __future__ import annotations

import json
import pathlib
import tempfile
import zipfile
from typing import Any

import h5py
import keras

from dfad_tf.teachers.keras2.models import create_model
from dfad_tf.teachers.model_files import ARCHIVE_CONFIG, ARCHIVE_WEIGHTS, is_archive, suffixed

_METADATA = "metadata.json"


def is_keras2_file(path: str) -> bool:
    """Return whether a file was written by Keras 1 or 2.

    Args:
        path: An HDF5 file or a `.keras` archive.
    """
    if is_archive(path):
        with zipfile.ZipFile(path) as archive:
            if _METADATA not in archive.namelist():
                return False
            version = json.loads(archive.read(_METADATA)).get("keras_version", "")
    else:
        with h5py.File(path, "r") as file:
            version = file.attrs.get("keras_version", "1")
            nested = file.get("model_weights")
            if "keras_version" not in file.attrs and nested is not None:
                version = nested.attrs.get("keras_version", "1")
    version = version.decode() if isinstance(version, bytes) else str(version)
    return version.split(".", 1)[0] in ("0", "1", "2")


def load_keras2_file(path: str) -> keras.Model:
    """Load a model that Keras 1 or 2 has saved.

    Args:
        path: An HDF5 file or a `.keras` archive, with any suffix.

    Returns:
        A model of Keras 3 that is not compiled.

    Raises:
        InputError: If the model has layers or settings that Keras 3 does not have.
    """
    model = create_model(_configuration(path))
    if not is_archive(path):
        with suffixed(path) as place:
            model.load_weights(place)
        return model
    with tempfile.TemporaryDirectory() as folder:
        weights = pathlib.Path(folder) / ARCHIVE_WEIGHTS
        with zipfile.ZipFile(path) as archive:
            weights.write_bytes(archive.read(ARCHIVE_WEIGHTS))
        model.load_weights(weights)
    return model


def _configuration(path: str) -> dict[str, Any]:
    if is_archive(path):
        with zipfile.ZipFile(path) as archive:
            content = archive.read(ARCHIVE_CONFIG)
    else:
        with h5py.File(path, "r") as file:
            content = file.attrs["model_config"]
    found: dict[str, Any] = json.loads(content)
    return found
