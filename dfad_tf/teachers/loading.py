"""Load a user-supplied teacher, and check that it is an image classifier."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Callable

import keras
import numpy as np

from dfad_tf.graphs.layer_graph import is_graph
from dfad_tf.teachers.adapted_ends import with_image_input, with_two_classes
from dfad_tf.teachers.graph_layers.rebuild import as_layers
from dfad_tf.teachers.keras2.files import is_keras2_file, load_keras2_file
from dfad_tf.teachers.keras_file_check import check_keras_file
from dfad_tf.teachers.model_files import file_kind, is_model_file, suffixed
from dfad_tf.teachers.saved_model_teacher import load_saved_model
from dfad_tf.teachers.separated_convolutions import with_separated_convolutions
from dfad_tf.utils.errors import InputError

_MIN_SIDE, _MAX_CHANNELS = 8, 4
_LONGEST = 300  # characters of a message of Keras
_ASSIGNMENT = re.compile(r"node [\w/]*Assign(?:Add|Sub)?VariableOp")
_UNKNOWN = re.compile(r"(?:Could not locate (?:class|function)|Unknown layer:) '([^']*)'")


def load_teacher(
    path: str,
    image_shape: tuple[int, int, int] | None = None,
    trust: bool = False,
) -> keras.Model:
    """Load a trained classifier from a `.keras` or `.h5` file or a SavedModel folder.

    Args:
        path: The file or folder.
        image_shape: `(height, width, channels)` of the images; required only if the model does
            not state it.
        trust: Whether the model may run code that it contains: Lambda layers, and operations
            of a SavedModel that do more than compute on tensors. Only for files whose author
            you trust.

    Returns:
        A frozen model with a static input shape. Images `(height, width)` get a channel, an input
        of integers one of floats, and one sigmoid or one logit becomes two classes.

    Raises:
        InputError: If the file does not exist, cannot be read, or contains code and is not
            trusted, or if the model is not a classifier of images of at least 8×8 pixels with 1
            to 4 channels.

    Example:

    >>> teacher = load_teacher("my_model.keras")
    >>> teacher.input_shape
    (None, 8, 8, 1)
    """
    place = pathlib.Path(path)
    if not place.exists():
        raise InputError(f"Expected `path` to be a file or folder. Received: {path} (absent)")
    if place.is_dir():
        if not (place / "saved_model.pb").exists():
            raise InputError(
                "Expected `path` to be a .keras or .h5 file, or a SavedModel folder that contains "
                f"saved_model.pb. Received the folder: {path}"
            )
        saved = _read(path, lambda: load_saved_model(path, image_shape, trust), trust)
        model = as_layers(saved)
    else:
        model = load_keras_file(path, trust)
        model = with_image_input(_with_static_shape(model, image_shape, path))
    if is_graph(model):
        model = with_separated_convolutions(with_two_classes(model))
    _check_classifier(model, path)
    model.trainable = False
    return model


def load_keras_file(path: str, trust: bool = False) -> keras.Model:
    """Load a Keras model from a `.keras` or `.h5` file, without compiling it.

    Args:
        path: The file.
        trust: Whether its layers may run Python code from the file.

    Returns:
        A model with one input and one output.

    Raises:
        InputError: If the file does not exist, has another format, is truncated or damaged, or
            contains code and is not trusted.

    Example:

    >>> model = load_keras_file("my_model.keras")
    """
    if not pathlib.Path(path).is_file():
        raise InputError(f"Expected `path` to name a file. Received: {path} (absent)")
    _check_kind(path)
    check_keras_file(path, trust)
    model = _read(path, lambda: _keras_model(path, trust), trust)
    if not isinstance(model, keras.Model):
        raise InputError(
            f"Expected `path` to contain a Keras model. Received a {type(model).__name__}: {path}"
        )
    if len(getattr(model, "inputs", None) or [0]) != 1 or len(getattr(model, "outputs", [0])) != 1:
        raise InputError(
            "Expected `path` to contain a model with one input and one output. Received: "
            f"{len(model.inputs)} and {len(model.outputs)} in {path}"
        )
    return model


def _check_kind(path: str) -> None:
    """Check that a file contains what Keras writes, whatever its suffix is."""
    kind = file_kind(path)
    if kind == "git_lfs":
        raise InputError(
            f"Expected a Keras model in {path}. Received: a pointer of Git LFS to a file that was "
            "not downloaded; `git lfs pull` downloads it."
        )
    if kind is None and not is_model_file(path):
        raise InputError(
            "Expected `path` to be a .keras or .h5 file with weights and architecture. "
            f"Received: {path}"
        )


def _keras_model(path: str, trust: bool) -> keras.Model:
    """Read a file of any version of Keras; Keras itself reads those of Keras 3."""
    refused: InputError | None = None
    if is_keras2_file(path):
        try:
            return load_keras2_file(path)
        except InputError as error:
            refused = error
    try:
        with suffixed(path) as place:
            return keras.models.load_model(place, compile=False, safe_mode=not trust)
    except Exception:
        if refused is not None:
            raise InputError(f"{refused} The file: {path}") from refused
        raise


def _read(path: str, read: Callable[[], keras.Model], trust: bool) -> keras.Model:
    """Call a reader, and replace its exceptions by an `InputError` of one line."""
    try:
        return read()
    except InputError:
        raise
    except Exception as error:  # zip, HDF5, JSON, protobuf and Keras raise their own types
        lines = str(error).strip().splitlines() or [type(error).__name__]
        if not trust and "safe_mode=False" in str(error):  # the advice of Keras
            raise InputError(
                f"Expected a model in {path} without code and without references to other files. "
                "Keras does not load it in safe mode; pass `trust=True` if you trust the author "
                "of the file."
            ) from error
        unknown = _UNKNOWN.search(str(error))
        if unknown:
            raise InputError(
                f"Expected layers in {path} that Keras can find. Received: {unknown[1]!r}; if it "
                "is a custom layer, export the model as a SavedModel and load that instead."
            ) from error
        if _ASSIGNMENT.search(str(error)):
            raise InputError(
                f"Expected a signature of {path} that only reads its variables. Received one that "
                "changes them, as augmentation layers of Keras do in an exported model; export "
                "the model without these layers."
            ) from error
        raise InputError(
            f"Expected a complete Keras model in {path}. It could not be read: {_cause(lines)}"
        ) from error


def _cause(lines: list[str]) -> str:
    """Return the line of Keras's message that tells most: the exception it encountered, or the end.

    The first line repeats the configuration of the model, which may be thousands of characters.
    """
    stated = [line for line in lines if line.startswith("Exception encountered:")]
    line = (stated or lines)[-1].removeprefix("Exception encountered:").strip()
    return line if len(line) <= _LONGEST else f"… {line[-_LONGEST:]}"


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
        stated = shape[1:] if len(shape) != 3 else (*shape[1:], 1)
        if image_shape is not None and tuple(stated) != image_shape:
            raise InputError(
                f"Expected `image_shape` to equal the input shape of the model, {stated}. "
                f"Received: {image_shape}"
            )
        return model
    if image_shape is None:
        raise InputError(
            f"Expected `image_shape` (height, width, channels), because the model in {path} does "
            f"not state the size of its images. Received: None, with the input {shape[1:]}"
        )
    inputs = keras.Input(image_shape, name="image")
    return keras.Model(inputs, model(inputs), name=model.name)


def _check_classifier(model: keras.Model, path: str) -> None:
    shape, output = model.input_shape, model.output_shape
    if len(shape) != 4 or min(shape[1:3]) < _MIN_SIDE or not 1 <= shape[3] <= _MAX_CHANNELS:
        raise InputError(
            f"Expected a classifier of images (height, width, channels) of at least {_MIN_SIDE}×"
            f"{_MIN_SIDE} pixels with 1 to {_MAX_CHANNELS} channels. Received: {shape[1:]} "
            f"in {path}"
        )
    if len(output) != 2 or output[1] is None or output[1] < 2:
        raise InputError(
            "Expected a classifier with outputs (batch, classes) and at least 2 classes. "
            f"Received: {output} in {path}"
        )
    if any(not np.isfinite(np.asarray(w)).all() for w in model.get_weights()):
        raise InputError(f"Expected finite weights in {path}. Received NaN or infinity.")
