"""Recognize batch normalizations in a frozen graph, as one operation or as arithmetic."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from dfad_tf.teachers.graph_layers.frozen_graph import RESHAPING, FrozenGraph, attribute, source

_FUSED = ("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3")
_SUMS = ("Add", "AddV2")


class FoundBatchNorm(NamedTuple):
    """A batch normalization in inference mode.

    Attributes:
        inputs: The tensor that is normalized.
        mean: Moving mean, `(channels,)`.
        variance: Moving variance, `(channels,)`.
        scale: Gamma, `(channels,)`; None without.
        offset: Beta, `(channels,)`; None without.
        epsilon: What is added to the variance.
    """

    inputs: tf.Tensor
    mean: np.ndarray
    variance: np.ndarray
    scale: np.ndarray | None
    offset: np.ndarray | None
    epsilon: float


def find_batch_norm(graph: FrozenGraph, operation: tf.Operation) -> FoundBatchNorm | None:
    """Return the batch normalization whose result an operation returns.

    Args:
        graph: The graph.
        operation: An operation of the graph that depends on the images.

    Returns:
        The batch normalization; None if the operation ends none.
    """
    if operation.type in _FUSED:
        return _fused(graph, operation)
    if operation.type in _SUMS:
        return _of_arithmetic(graph, operation)
    return None


def batch_norm_layer(
    found: FoundBatchNorm, name: str
) -> tuple[list[keras.layers.Layer], list[np.ndarray]]:
    """Create the layer that computes a batch normalization.

    Args:
        found: The batch normalization.
        name: Name of the layer.

    Returns:
        The layer, in a list, and its weights.
    """
    layer = keras.layers.BatchNormalization(
        epsilon=found.epsilon,
        scale=found.scale is not None,
        center=found.offset is not None,
        name=name,
    )
    weights = (found.scale, found.offset, found.mean, found.variance)
    return [layer], [weight for weight in weights if weight is not None]


def _fused(graph: FrozenGraph, operation: tf.Operation) -> FoundBatchNorm | None:
    inputs, *others = operation.inputs
    if attribute(operation, "is_training") or attribute(operation, "data_format") != "NHWC":
        return None
    if not all(map(graph.is_constant, others)):
        return None
    scale, offset, mean, variance = map(graph.value, others)
    return FoundBatchNorm(
        inputs, mean, variance, scale, offset, float(attribute(operation, "epsilon"))
    )


def _of_arithmetic(graph: FrozenGraph, operation: tf.Operation) -> FoundBatchNorm | None:
    """Read `x * factor + shift`, where these are `gamma / sqrt(variance + epsilon)` and
    `beta - mean * factor`.

    This is `tf.nn.batch_normalization`, in which gamma and beta may be missing.
    """
    for product, shift in _orders(operation):
        if product.op.type != "Mul" or graph.is_constant(product) or not graph.is_constant(shift):
            continue
        for inputs, factor in _orders(product.op):
            if graph.is_constant(factor) and not graph.is_constant(inputs):
                return _of_constants(graph, inputs, factor, shift)
    return None


def _of_constants(
    graph: FrozenGraph, inputs: tf.Tensor, factor: tf.Tensor, shift: tf.Tensor
) -> FoundBatchNorm | None:
    spread, center = _spread(factor), _center(shift, factor)
    if spread is None or center is None:
        return None
    variance, epsilon, scale = spread
    mean, offset = center
    found = FoundBatchNorm(
        inputs,
        graph.value(mean).ravel(),
        graph.value(variance).ravel(),
        None if scale is None else graph.value(scale).ravel(),
        None if offset is None else graph.value(offset).ravel(),
        float(graph.value(epsilon).ravel()[0]),
    )
    vectors = (found.mean, found.variance, found.scale, found.offset)
    of_channels = all(v is None or len(v) == inputs.shape[-1] for v in vectors)
    return found if of_channels and epsilon.shape.rank == 0 else None


def _spread(factor: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor | None] | None:
    """Return variance, epsilon and gamma of `gamma / sqrt(variance + epsilon)`."""
    operation = _plain(factor).op
    pairs: list[tuple[tf.Tensor, tf.Tensor | None]] = [(factor, None)]
    if operation.type == "Mul":
        pairs = list(_orders(operation))
    for root, scale in pairs:
        if _plain(root).op.type == "Rsqrt":
            total = _plain(_plain(root).op.inputs[0]).op
            if total.type in _SUMS:
                return total.inputs[0], _plain(total.inputs[1]), scale
    return None


def _center(shift: tf.Tensor, factor: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor | None] | None:
    """Return mean and beta of `beta - mean * factor`, or of `-mean * factor`."""
    operation = _plain(shift).op
    if operation.type == "Sub":
        offset, product = operation.inputs
        mean = _other(product, factor)
        return None if mean is None else (mean, offset)
    negated = _other(shift, factor)
    if negated is not None and _plain(negated).op.type == "Neg":
        return _plain(negated).op.inputs[0], None
    return None


def _other(product: tf.Tensor, factor: tf.Tensor) -> tf.Tensor | None:
    """Return what a product has beside one of its factors."""
    operation = _plain(product).op
    if operation.type != "Mul":
        return None
    for one, other in _orders(operation):
        if _plain(one).name == _plain(factor).name:
            return other
    return None


def _orders(operation: tf.Operation) -> Iterator[tuple[tf.Tensor, tf.Tensor]]:
    first, second = operation.inputs
    yield source(first), source(second)
    yield source(second), source(first)


def _plain(tensor: tf.Tensor) -> tf.Tensor:
    """Return the tensor that a constant was before it got axes of length 1."""
    tensor = source(tensor)
    while tensor.op.type in RESHAPING:
        tensor = source(tensor.op.inputs[0])
    return tensor
