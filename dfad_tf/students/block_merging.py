"""Merge blocks of a teacher into one block of a student, by regression."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from dfad_tf.graphs.layer_table import kind_of
from dfad_tf.graphs.steps import Step, run_steps
from dfad_tf.students.batch_norm_estimation import estimate_step
from dfad_tf.students.signatures import canonical_name
from dfad_tf.students.units import Chunks, Unit

_ROWS = 20_000  # of activations in one regression
_ROUNDS = 3  # in which sums that an activation cuts off are freed


class Joint(NamedTuple):
    """The end of a residual block.

    Attributes:
        convolution: The last convolution of the path with more layers.
        normalization: The batch normalization behind it, if there is one.
        addition: The addition of the shortcut.
        shortcut: Number of the tensor that is added to the path.
        has_relu: Whether a ReLU follows, so that all sums below 0 have the same effect.
    """

    convolution: Step
    normalization: Step | None
    addition: Step
    shortcut: int
    has_relu: bool


def find_joint(unit: Unit) -> Joint | None:
    """Return the end of a residual block whose last convolution can be solved for.

    Args:
        unit: A unit of a network.

    Returns:
        None for other units, and for a block that does not end with the addition of a plain
        convolution, with or without batch normalization.
    """
    producers = {step.outputs[0]: step for step in unit.steps}
    additions = [step for step in unit.steps if type(step.operation).__name__ == "Add"]
    if not additions or len(additions[-1].inputs) != 2:
        return None
    addition = additions[-1]
    behind = unit.steps[unit.steps.index(addition) + 1 :]
    if any(step.has_weights or len(step.inputs) > 1 for step in behind):
        return None
    path, other = addition.inputs
    if _depth(producers, path) < _depth(producers, other):
        path, other = other, path
    step = producers.get(path)
    while step is not None and kind_of(step.operation).identity_in_inference:
        step = producers.get(step.inputs[0])
    normalization = None
    if step is not None and isinstance(step.operation, keras.layers.BatchNormalization):
        layer = step.operation
        if not (layer.scale and layer.center and layer.axis in (-1, 3)):
            return None
        normalization, step = step, producers.get(step.inputs[0])
    if step is None or not _is_plain_convolution(step.operation):
        return None
    return Joint(step, normalization, addition, other, _has_relu(behind))


def run_to_joint(unit: Unit, joint: Joint, inputs: Chunks) -> tuple[Chunks, Chunks]:
    """Return the sums of a block's addition, and its outputs."""
    sums, outputs = [], []
    for chunk in inputs:
        total = joint.addition.outputs[0]
        found = run_steps(unit.steps, {unit.input: chunk}, [total, unit.output])
        sums.append(found[total])
        outputs.append(found[unit.output])
    return sums, outputs


def solve_last_convolution(
    unit: Unit, joint: Joint, inputs: Chunks, sums: Chunks, ridge: float, statistics: bool = False
) -> None:
    """Solve for the last convolution of a block, so that its addition has given sums.

    The path's other layers and the shortcut stay as they are. The solution is the one of least
    squares in which a change of the present kernel costs `ridge` times its squared size,
    relative to the mean squared activation. Where a ReLU follows and both the given and the
    solved sum are below 0, there is no error: the solution is repeated a few times without
    those. The batch normalization behind the convolution gets the statistics of the new outputs,
    and the scale and the offset that keep their values, so the block is the same function in
    training mode, for images like these.

    Args:
        unit: A residual block. Its weights are changed in place.
        joint: Its end.
        inputs: Chunks of the block's input.
        sums: Chunks of what the addition should return.
        ridge: Weight of the distance from the present kernel.
        statistics: Whether the batch normalizations before the last convolution first get the
            statistics of these inputs.

    Reference:
        Least squares after pruning: Li, Li, Liu and Zhang, arXiv 1812.01839.
    """
    from scipy import linalg  # slow to import, and used here only

    if statistics:
        _estimate_inside(unit, joint, inputs)
    matrix, shortcut, sums_wanted = _rows(unit, joint, inputs, sums)
    kernel, bias = _effective(joint)
    has_bias = joint.normalization is not None or joint.convolution.operation.use_bias
    center = matrix.mean(0) if has_bias else np.zeros(matrix.shape[1])
    centered = matrix - center
    gram = centered.T @ centered
    # The second term keeps the equations solvable where some activations are always zero.
    cost = (ridge / len(gram) + 1e-12) * np.trace(gram) + np.finfo(np.float64).tiny
    factor = linalg.cho_factor(gram + cost * np.eye(len(gram)))
    start, target = kernel, sums_wanted
    for _ in range(_ROUNDS if joint.has_relu else 1):
        residual = target - shortcut - matrix @ start
        offset = residual.mean(0) if has_bias else 0 * bias
        change = linalg.cho_solve(factor, centered.T @ (residual - offset))
        kernel, bias = start + change, offset - center @ change
        if joint.has_relu:
            reached = matrix @ kernel + bias + shortcut
            target = np.where(sums_wanted <= 0, np.minimum(reached, 0), sums_wanted)
    _assign(joint, kernel, bias, matrix)


def _rows(
    unit: Unit, joint: Joint, inputs: Chunks, sums: Chunks
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what the convolution sees, the shortcut and the given sums, at random positions."""
    hidden, random = joint.convolution.inputs[0], np.random.default_rng(0)
    share = _ROWS / max(1, sum(int(np.prod(chunk.shape[:3])) for chunk in sums))
    found: list[list[np.ndarray]] = [[], [], []]
    for chunk, total in zip(inputs, sums, strict=True):
        values = run_steps(unit.steps, {unit.input: chunk}, [hidden, joint.shortcut])
        patches = _patches(joint.convolution.operation, values[hidden])
        chosen = np.flatnonzero(random.random(int(np.prod(total.shape[:3]))) < share)
        for part, maps in zip(found, (patches, values[joint.shortcut], total), strict=True):
            rows = tf.gather(tf.reshape(maps, (-1, maps.shape[-1])), chosen)
            part.append(rows.numpy().astype(np.float64))
    matrix, shortcut, given = (np.concatenate(part) for part in found)
    return matrix, shortcut, given


def _effective(joint: Joint) -> tuple[np.ndarray, np.ndarray]:
    """Return the kernel `(inputs, filters)` and the bias with the batch normalization folded."""
    layer = joint.convolution.operation
    weights = [np.asarray(w, np.float64) for w in layer.get_weights()]
    kernel = weights[0].reshape(-1, weights[0].shape[-1])
    bias = weights[1] if layer.use_bias else np.zeros(kernel.shape[1])
    if joint.normalization is None:
        return kernel, bias
    normalization = joint.normalization.operation
    gamma, beta, mean, variance = (np.asarray(w, np.float64) for w in normalization.get_weights())
    factor = gamma / np.sqrt(variance + normalization.epsilon)
    return kernel * factor, (bias - mean) * factor + beta


def _assign(joint: Joint, kernel: np.ndarray, bias: np.ndarray, matrix: np.ndarray) -> None:
    """Write an effective kernel and bias into the convolution and the batch normalization."""
    layer = joint.convolution.operation
    old = np.asarray(layer.get_weights()[0], np.float64)
    if joint.normalization is None:
        layer.set_weights([kernel.reshape(old.shape), *([bias] if layer.use_bias else [])])
        return
    # The kernel keeps the size of the one it replaces: it is what the learning rate relates to.
    sizes = np.linalg.norm(kernel, axis=0)
    scale = np.linalg.norm(old.reshape(kernel.shape), axis=0) / np.maximum(sizes, 1e-12)
    scale = np.where(scale > 1e-6, scale, 1.0)
    outputs = matrix @ (kernel * scale)
    mean, variance = outputs.mean(0), outputs.var(0)
    own = np.zeros_like(bias)
    if layer.use_bias:
        own = np.asarray(layer.get_weights()[1], np.float64)
    layer.set_weights([(kernel * scale).reshape(old.shape), *([own] if layer.use_bias else [])])
    normalization = joint.normalization.operation
    gamma = np.sqrt(variance + normalization.epsilon) / scale
    normalization.set_weights([gamma, bias + mean / scale, mean + own, variance])


def _patches(layer: keras.layers.Conv2D, maps: tf.Tensor) -> tf.Tensor:
    """Return what each output of a convolution sees, `(n, height, width, inputs)`."""
    (height, width), (down, right), (dy, dx) = (
        layer.kernel_size,
        layer.strides,
        layer.dilation_rate,
    )
    return tf.image.extract_patches(
        maps, [1, height, width, 1], [1, down, right, 1], [1, dy, dx, 1], layer.padding.upper()
    )


def _estimate_inside(unit: Unit, joint: Joint, inputs: Chunks) -> None:
    """Set the statistics of a block's batch normalizations before its last convolution."""
    for step in unit.steps[: unit.steps.index(joint.convolution)]:
        if isinstance(step.operation, keras.layers.BatchNormalization):
            number = step.inputs[0]
            maps = [
                run_steps(unit.steps, {unit.input: chunk}, [number])[number] for chunk in inputs
            ]
            estimate_step(step, maps)


def _depth(producers: dict[int, Step], number: int) -> int:
    """Return the number of layers with weights on the longest path to a tensor."""
    step = producers.get(number)
    if step is None:
        return 0
    return step.has_weights + max(_depth(producers, source) for source in step.inputs)


def _has_relu(steps: Sequence[Step]) -> bool:
    """Return whether the steps behind an addition are a ReLU and layers without effect."""
    left = [s.operation for s in steps if not kind_of(s.operation).identity_in_inference]
    return len(left) == 1 and canonical_name(left[0]) == "relu"


def _is_plain_convolution(layer: keras.layers.Layer) -> bool:
    return (
        type(layer) is keras.layers.Conv2D
        and layer.groups == 1
        and layer.activation is keras.activations.linear
        and layer.data_format == "channels_last"
    )
