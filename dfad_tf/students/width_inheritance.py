"""Initialize a student with filters of its teacher, without data."""

from __future__ import annotations

from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from dfad_tf.compute.keras_internals import call_inputs, producing_layer
from dfad_tf.graphs.layer_graph import is_graph
from dfad_tf.graphs.layer_table import is_softmax, kind_of

_ROWS = 20_000  # maximum number of rows of activations in one regression


class _Chain(NamedTuple):
    """The layers of a network without branches, in their order."""

    preprocessing: list[keras.layers.Layer]
    layers: list[keras.layers.Layer]


class _Pending(NamedTuple):
    """A layer of the student whose filters are chosen when the next kernel is known.

    Attributes:
        layer: The layer.
        kernel: The teacher's kernel rewritten for the student's inputs, with all filters.
        bias: Likewise.
    """

    layer: keras.layers.Layer
    kernel: np.ndarray
    bias: np.ndarray


def inherit_filters(teacher: keras.Model, student: keras.Model, images: np.ndarray) -> bool:
    """Set the weights of a narrower student from a teacher with the same types of layers.

    In each layer, the filters that best span the teacher's activations are kept (pivoted QR).
    The activations of the other filters are regressed on those that are kept, and the regression
    is folded into the kernel of the next layer. The activations are those of generated images,
    so no data is used. The teacher's filters, however, were trained on its data and contain
    information that no generator can recover.

    Args:
        teacher: A chain of convolutions, dense layers and layers without weights.
        student: The same chain with at most as many filters. Its weights are changed in place.
        images: `(n, height, width, channels)` in the input range of both networks.

    Returns:
        Whether the layers of the networks pair. If they do not, the student is unchanged.

    Example:

    >>> images = np.random.default_rng(0).normal(size=(64, 32, 32, 1))
    >>> teacher = models.build("lenet5", (32, 32, 1), 10)
    >>> inherit_filters(teacher, models.build("lenet5_half", (32, 32, 1), 10), images)
    True

    Reference:
        Channel pruning with reconstruction: He, Zhang and Sun, arXiv 1707.06168.
    """
    teacher_chain, student_chain = _chain(teacher), _chain(student)
    if teacher_chain is None or student_chain is None:
        return False
    if not _pair(teacher_chain.layers, student_chain.layers):
        return False
    teacher_maps = student_maps = keras.ops.convert_to_tensor(images, "float32")
    for layer in teacher_chain.preprocessing:
        teacher_maps = layer(teacher_maps)
    for layer in student_chain.preprocessing:
        student_maps = layer(student_maps)
    pending: _Pending | None = None
    for big, small in zip(teacher_chain.layers, student_chain.layers, strict=True):
        if not kind_of(big).inherited_by_width:
            # Flattening is delayed, so that filters stay distinguishable until they are chosen.
            if not (isinstance(big, keras.layers.Flatten) or kind_of(big).identity_in_inference):
                teacher_maps, student_maps = big(teacher_maps), big(student_maps)
            continue
        if pending is not None:
            student_maps = _choose(pending, student_maps)
        kernel, bias = _fold(big, *_regress(student_maps, teacher_maps))
        pending = _Pending(small, kernel, bias)
        teacher_maps = _apply(big, teacher_maps, *map(np.asarray, big.get_weights()))
        student_maps = _apply(big, student_maps, kernel, bias)
    if pending is not None:
        pending.layer.set_weights([pending.kernel, pending.bias])
    return True


def _chain(model: keras.Model) -> _Chain | None:
    """Return the layers of a chain whose weights can be inherited; None for any other network."""
    if not is_graph(model):
        return None
    layers: list[keras.layers.Layer] = []
    tensor = model.outputs[0]
    while not isinstance(producing_layer(tensor), keras.layers.InputLayer):
        inputs = call_inputs(tensor)
        if len(inputs) != 1:
            return None
        layers.insert(0, producing_layer(tensor))
        tensor = inputs[0]
    while layers and is_softmax(layers[-1]):
        layers.pop()
    count = 0
    while count < len(layers) and kind_of(layers[count]).preprocessing:
        count += 1
    rows = [kind_of(layer) for layer in layers[count:]]
    known = all(row.inherited_by_width or row.same_for_any_width for row in rows)
    return _Chain(layers[:count], layers[count:]) if known and rows else None


def _pair(big: list[keras.layers.Layer], small: list[keras.layers.Layer]) -> bool:
    """Return whether two chains differ only in the number of filters, fewer in the second."""
    if len(big) != len(small) or not isinstance(big[-1], keras.layers.Dense):
        return False
    free = ("name", "filters", "units", "dtype", "trainable")
    for first, second in zip(big, small, strict=True):
        settings = [
            {key: value for key, value in layer.get_config().items() if key not in free}
            for layer in (first, second)
        ]
        for config in settings:
            for key in [k for k in config if k.endswith(("_initializer", "_regularizer"))]:
                del config[key]
        if first is big[-1]:  # the teacher's head may apply a softmax
            for config in settings:
                config.pop("activation", None)
        if type(first) is not type(second) or settings[0] != settings[1]:
            return False
        if isinstance(first, keras.layers.Dense) and len(first.input.shape) != 2:
            return False
        if kind_of(first).inherited_by_width:
            wide, narrow = (layer.get_weights()[0].shape[-1] for layer in (first, second))
            if narrow > wide or not first.use_bias or getattr(first, "groups", 1) != 1:
                return False
    return big[-1].units == small[-1].units


def _choose(pending: _Pending, student_maps: tf.Tensor) -> tf.Tensor:
    """Keep the filters of the pending layer that best span the others; return their activations."""
    from scipy import linalg  # slow to import, and used here only

    layer, kernel, bias = pending
    count = layer.get_weights()[0].shape[-1]
    rows = _rows(student_maps)
    order = linalg.qr(rows - rows.mean(0), mode="r", pivoting=True)[1]
    chosen = np.sort(order[:count])
    layer.set_weights([kernel[..., chosen], bias[chosen]])
    return keras.ops.take(student_maps, chosen, axis=-1)


def _regress(student_maps: tf.Tensor, teacher_maps: tf.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Return the matrix and the offset that map the student's activations to the teacher's."""
    inputs = _rows(student_maps)
    inputs = np.concatenate([inputs, np.ones((len(inputs), 1), inputs.dtype)], axis=1)
    solution = np.linalg.lstsq(inputs, _rows(teacher_maps), rcond=None)[0]
    return solution[:-1], solution[-1]


def _fold(
    layer: keras.layers.Layer, matrix: np.ndarray, offset: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the teacher's kernel and bias, rewritten for the student's inputs."""
    kernel, bias = map(np.asarray, layer.get_weights())
    if isinstance(layer, keras.layers.Conv2D):
        return (
            np.einsum("hwio,ji->hwjo", kernel, matrix).astype("float32"),
            (bias + np.einsum("hwio,i->o", kernel, offset)).astype("float32"),
        )
    # Behind a Flatten layer, a dense kernel has a row for each pixel and channel.
    by_pixel = kernel.reshape(-1, matrix.shape[1], kernel.shape[-1])
    folded = np.einsum("pio,ji->pjo", by_pixel, matrix)
    folded = folded.reshape(-1, kernel.shape[-1]).astype("float32")
    return folded, (bias + np.einsum("pio,i->o", by_pixel, offset)).astype("float32")


def _apply(
    layer: keras.layers.Layer, inputs: tf.Tensor, kernel: np.ndarray, bias: np.ndarray
) -> tf.Tensor:
    """Run a layer with the given weights."""
    if isinstance(layer, keras.layers.Dense):
        flat = keras.ops.reshape(inputs, (inputs.shape[0], -1))
        return layer.activation(keras.ops.matmul(flat, kernel) + bias)
    outputs = keras.ops.conv(
        inputs,
        kernel,
        strides=layer.strides,
        padding=layer.padding,
        dilation_rate=layer.dilation_rate,
    )
    return layer.activation(outputs + bias)


def _rows(activations: tf.Tensor) -> np.ndarray:
    """Return activations as rows of channels, subsampled to what a regression needs."""
    rows = keras.ops.convert_to_numpy(activations)
    rows = rows.reshape(-1, rows.shape[-1])
    return rows[:: max(1, len(rows) // _ROWS)].astype(np.float64)
