"""Find out which pixels a teacher expects, from the teacher alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from dfad_tf.data.pixel_contract import RANGES, PixelContract
from dfad_tf.data.smooth_images import _ORDINARY_MEAN, _ORDINARY_STD, smooth_images
from dfad_tf.graphs.layer_graph import is_graph
from dfad_tf.teachers.saved_model_teacher import SavedModelTeacher
from dfad_tf.teachers.teacher_signals import TeacherSignals

_WIDEST_STD = 110.0  # no ordinary images vary more: black ink on white does by 80
_NARROWEST_STD = 8.0
_NO_PREPROCESSING = (
    keras.layers.InputLayer,
    keras.layers.Dropout,
    keras.layers.ZeroPadding2D,
    keras.layers.Resizing,
    keras.layers.RandomFlip,
    keras.layers.RandomTranslation,
    keras.layers.RandomRotation,
    keras.layers.RandomZoom,
    keras.layers.RandomCrop,
    keras.layers.RandomContrast,
    keras.layers.RandomBrightness,
)


def detect_contract(teacher: keras.Model) -> PixelContract:
    """Tell the input range of a teacher and the place of ordinary images in it.

    In this order: preprocessing layers at the teacher's entrance say it; else the
    statistics of its first batch normalization tell which range it was trained
    on; else the size of its logits on smooth random images.

    Args:
        teacher: A classifier of images `(height, width, channels)`.

    Returns:
        The contract; its `source` says how it was found, and how sure that is.
    """
    channels = teacher.input_shape[-1]
    layers, core = _entrance(teacher)
    affine = _compose(layers, channels)
    if isinstance(teacher, SavedModelTeacher):
        affine = teacher.preprocessing()
    if affine is not None:
        return _from_preprocessing(*affine).for_channels(channels)
    candidates = [_candidate(name, channels) for name in RANGES]
    by_batch_norm = _first_batch_norm(core)
    if by_batch_norm is not None:
        network, norm = by_batch_norm
        scores = [_distance(network, norm, c, teacher.input_shape[1:]) for c in candidates]
        best = candidates[int(np.argmin(scores))]
        return _named(best, "told by its first batch normalization")
    return _named(_by_logits(teacher, candidates), "guessed from the size of its logits")


def declared_contract(
    name: str, channels: int, mean: Sequence[float] | None, std: Sequence[float] | None
) -> PixelContract:
    """Return the contract that a user declares.

    Args:
        name: A name of `RANGES`.
        channels: Channels of the images.
        mean: Mean of each channel of the images in raw pixels; None is a photograph's.
        std: Deviation of each channel in raw pixels.
    """
    return PixelContract(
        name,
        tuple(mean or (_ORDINARY_MEAN,)),
        tuple(std or (_ORDINARY_STD,)),
        "given by --input_range",
    ).for_channels(channels)


def _entrance(model: Any) -> tuple[list[Any], Any]:
    """The layers before the first with weights of its own, and the graph that holds that one."""
    found: list[Any] = []
    while is_graph(model):
        inner = None
        for layer in model.layers:
            if is_graph(layer):
                inner = layer
                break
            if not isinstance(
                layer, (keras.layers.Rescaling, keras.layers.Normalization, *_NO_PREPROCESSING)
            ):
                return found, model
            found.append(layer)
        if inner is None:
            return found, model
        model = inner
    return found, model


def _compose(layers: list[Any], channels: int) -> tuple[np.ndarray, np.ndarray] | None:
    """The entrance's preprocessing as one factor and one offset a channel, if there is any."""
    scale, offset, any_found = np.ones(channels), np.zeros(channels), False
    for layer in layers:
        if isinstance(layer, keras.layers.Rescaling):
            factor, added = np.asarray(layer.scale, float), np.asarray(layer.offset, float)
        elif isinstance(layer, keras.layers.Normalization):
            mean = np.asarray(keras.ops.convert_to_numpy(layer.mean), float).reshape(-1)
            deviation = np.sqrt(np.asarray(keras.ops.convert_to_numpy(layer.variance), float))
            factor = 1 / np.maximum(deviation.reshape(-1), keras.config.epsilon())
            added = -mean * factor
            if layer.invert:
                factor, added = 1 / factor, mean
        else:
            continue
        if factor.size not in (1, channels):
            continue
        scale, offset, any_found = scale * factor, offset * factor + added, True
    return (scale, offset) if any_found else None


def _from_preprocessing(scale: np.ndarray, offset: np.ndarray) -> PixelContract:
    """Infer the range that preprocessing was written for from where it maps zero and one."""
    source = "read from its preprocessing layers"
    mean, std = -offset / scale, 1 / scale  # what becomes 0, and what becomes a step of 1
    size = float(np.mean(np.abs(std)))
    if size > 4 or float(np.max(np.abs(mean))) > 4:
        name, unit, zero = "pixels", 1.0, 0.0
    elif float(np.mean(mean)) < -0.02:
        name, unit, zero = "minus_one_one", 127.5, 127.5
    else:
        name, unit, zero = "zero_one", 255.0, 0.0
    if size * unit > _WIDEST_STD:
        # A mere change of range says nothing of the images' own mean and deviation.
        return PixelContract(name, (_ORDINARY_MEAN,), (_ORDINARY_STD,), source)
    if size * unit < _NARROWEST_STD:  # the mean alone is removed
        deviations = (_ORDINARY_STD,) * len(mean)
        return PixelContract(name, tuple((mean * unit + zero).tolist()), deviations, source)
    return PixelContract(
        name, tuple((mean * unit + zero).tolist()), tuple((np.abs(std) * unit).tolist()), source
    )


def _candidate(name: str, channels: int) -> PixelContract:
    return PixelContract(name, (_ORDINARY_MEAN,) * channels, (_ORDINARY_STD,) * channels)


def _named(contract: PixelContract, source: str) -> PixelContract:
    return PixelContract(contract.range, contract.mean, contract.std, source)


def _first_batch_norm(core: Any) -> tuple[keras.Model, Any] | None:
    if not is_graph(core):
        return None
    for layer in core.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            return keras.Model(core.inputs[0], layer.input), layer
        if is_graph(layer):
            return None
    return None


def _distance(
    network: keras.Model, norm: Any, contract: PixelContract, shape: tuple[int, int, int]
) -> float:
    """How far smooth images in this range lie from the statistics the layer was trained to."""
    inputs = contract.to_input(smooth_images(64, shape))
    values = keras.ops.convert_to_numpy(network(inputs, training=False))
    axes = tuple(range(values.ndim - 1))
    mean, variance = values.mean(axes), values.var(axes) + 1e-8
    known_mean = keras.ops.convert_to_numpy(norm.moving_mean)
    known = keras.ops.convert_to_numpy(norm.moving_variance) + 1e-8
    # The divergence between two normal distributions, both ways, so that neither
    # a far too small nor a far too large range looks near.
    gap = (mean - known_mean) ** 2
    return float(np.median(variance / known + known / variance + gap / known + gap / variance))


def _by_logits(teacher: keras.Model, candidates: list[PixelContract]) -> PixelContract:
    signals = TeacherSignals(teacher)
    images = smooth_images(64, teacher.input_shape[1:])
    spread = {
        c.range: float(np.median(np.ptp(np.asarray(signals(c.to_input(images))[0]), axis=-1)))
        for c in candidates
    }
    # A trained classifier's logits lie some units to some tens apart; with inputs
    # 255 times too large or too small they do not.
    distance = {name: abs(np.log(value / 10 + 1e-9)) for name, value in spread.items()}
    name = "pixels" if distance["pixels"] < distance["zero_one"] else "zero_one"
    return next(c for c in candidates if c.range == name)
