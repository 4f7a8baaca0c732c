"""Read a user's own teacher, and find out what it takes and gives."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Callable

import keras
import numpy as np

from dfad_tf.graphs.layer_graph import is_graph
from dfad_tf.teachers.keras_file_check import check_keras_file
from dfad_tf.teachers.saved_model_teacher import load_saved_model
from dfad_tf.utils.errors import InputError

_SMALLEST_SIDE, _MOST_CHANNELS = 8, 4
_UNKNOWN = re.compile(r"(?:Could not locate (?:class|function)|Unknown layer:) '([^']*)'")


def load_teacher(
    path: str,
    image_shape: tuple[int, int, int] | None = None,
    flag: str = "--teacher",
    trust: bool = False,
) -> keras.Model:
    """Read a trained classifier from a `.keras` or `.h5` file or a SavedModel folder.

    Args:
        path: The file or folder.
        image_shape: `(height, width, channels)` where the model leaves its size open.
        flag: The flag that named it, for errors.
        trust: Whether it may run code of its own: Lambda layers, and a SavedModel's
            operations that touch more than tensors. Only for files whose maker you trust.

    Returns:
        A frozen model with a static input shape.

    Raises:
        InputError: If there is no such file, it cannot be read, it holds code and is not
            trusted, or the model is no classifier of images of 8×8 and more with 1 to 4
            channels.

    Example:

    >>> teacher = load_teacher("teacher.keras")
    """
    place = pathlib.Path(path)
    if not place.exists():
        raise InputError(f"Expected {flag} to be a file or folder. Received: {path} (absent)")
    if place.is_dir():
        if not (place / "saved_model.pb").exists():
            raise InputError(
                f"Expected {flag} to be a .keras or .h5 file, or a SavedModel folder with "
                f"saved_model.pb in it. Received the folder: {path}"
            )
        model: keras.Model = _read(path, lambda: load_saved_model(path, image_shape, trust), trust)
    else:
        model = load_keras_file(path, flag, trust)
        model = _with_static_shape(model, image_shape, path)
    _check_classifier(model, path)
    model.trainable = False
    return model


def load_keras_file(path: str, flag: str = "`path`", trust: bool = False) -> keras.Model:
    """Read a Keras model from a `.keras` or `.h5` file, without compiling it.

    Args:
        path: The file.
        flag: The flag that named it, for errors.
        trust: Whether its layers may run Python code of their own.

    Returns:
        The model, of one input and one output.

    Raises:
        InputError: If it is absent, of another format, truncated or damaged, or holds code and is
            not trusted.
    """
    place = pathlib.Path(path)
    if not place.is_file():
        raise InputError(f"Expected {flag} to name a file. Received: {path} (absent)")
    if place.suffix not in (".keras", ".h5", ".hdf5"):
        raise InputError(
            f"Expected {flag} to be a .keras or .h5 file with weights and architecture. "
            f"Received: {path}"
        )
    check_keras_file(path, trust)
    model = _read(
        path,
        lambda: keras.models.load_model(path, compile=False, safe_mode=not trust),
        trust,
    )
    if not isinstance(model, keras.Model):
        raise InputError(
            f"Expected {flag} to hold a Keras model. Received a {type(model).__name__}: {path}"
        )
    if len(getattr(model, "inputs", None) or [0]) != 1 or len(getattr(model, "outputs", [0])) != 1:
        raise InputError(
            f"Expected {flag} to have one input and one output. Received: "
            f"{len(model.inputs)} and {len(model.outputs)} in {path}"
        )
    return model


def _read(path: str, read: Callable[[], keras.Model], trust: bool) -> keras.Model:
    try:
        return read()
    except InputError:
        raise
    except Exception as error:  # zip, HDF5, JSON, protobuf and Keras all raise their own
        lines = str(error).strip().splitlines() or [type(error).__name__]
        if not trust and "safe_mode=False" in str(error):  # as Keras would have it called
            raise InputError(
                f"Expected no code and no files from outside in {path}. Keras refused it in its "
                "safe mode; add --trust_teacher if you trust who made the file."
            ) from error
        unknown = _UNKNOWN.search(str(error))
        if unknown:
            raise InputError(
                f"Expected layers that Keras knows in {path}. Received: {unknown[1]!r}; where it "
                "is your own, export the model as a SavedModel and bring that."
            ) from error
        raise InputError(
            f"Expected a whole Keras model in {path}. It could not be read: {lines[0][:200]}"
        ) from error


def _with_static_shape(
    model: keras.Model, image_shape: tuple[int, int, int] | None, path: str
) -> keras.Model:
    shape = getattr(model, "input_shape", None)
    if not is_graph(model) or not isinstance(shape, tuple):
        raise InputError(
            f"Expected a functional or sequential model with one image input in {path}. "
            f"Received: a {type(model).__name__}"
        )
    if None not in shape[1:]:
        if image_shape is not None and tuple(shape[1:]) != image_shape:
            raise InputError(
                f"Expected --image_shape to be the model's own, {shape[1:]}. "
                f"Received: {image_shape}"
            )
        return model
    if image_shape is None:
        raise InputError(
            f"Expected the size of the images to stand in {path}. Received: {shape[1:]}; give "
            "it with --image_shape=HEIGHT,WIDTH,CHANNELS."
        )
    inputs = keras.Input(image_shape, name="image")
    return keras.Model(inputs, model(inputs), name=model.name)


def _check_classifier(model: keras.Model, path: str) -> None:
    shape, output = model.input_shape, model.output_shape
    if len(shape) != 4 or min(shape[1:3]) < _SMALLEST_SIDE or not 1 <= shape[3] <= _MOST_CHANNELS:
        raise InputError(
            f"Expected a classifier of images (height, width, channels) from {_SMALLEST_SIDE}×"
            f"{_SMALLEST_SIDE} up with 1 to {_MOST_CHANNELS} channels. Received: {shape[1:]} "
            f"in {path}"
        )
    if len(output) != 2 or output[1] is None or output[1] < 2:
        raise InputError(
            "Expected a classifier with outputs (batch, classes), at least 2 classes. "
            f"Received: {output} in {path}"
        )
    if any(not np.isfinite(np.asarray(w)).all() for w in model.get_weights()):
        raise InputError(f"Expected finite weights in {path}. Received NaN or infinity.")
