"""The statistics of a network's batch normalizations, over a set of images."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from dfad_tf.graphs.steps import Step, last_uses, list_steps

_CHUNK = 128  # images


def estimate_batch_norm(network: keras.Model, images: np.ndarray) -> int:
    """Set the moving statistics of all batch normalizations to those of a set of images.

    Each mean and variance is that of the layer's input over all images and positions, computed
    in float64, in the order of the layers: the input of each layer is computed with the
    statistics that were set before it. The result is what training mode would compute for one
    batch of all images. A moving average of batches differs: it forgets the first batches,
    averages variances within batches, and depends on their order.

    The activations of all images are in memory at the same time, at each place of the network.

    Args:
        network: A graph of layers with one input and one output. Its moving statistics are
            changed in place, and no other weight.
        images: `(n, height, width, channels)` in the input range of the network.

    Returns:
        The number of batch normalizations.

    Raises:
        InputError: If the network is not such a graph.

    Example:

    >>> estimate_batch_norm(models.build("resnet20", (32, 32, 3), 10), np.ones((4, 32, 32, 3)))
    19
    """
    graph = list_steps(network)
    images = np.asarray(images, np.float32)
    chunks = [tf.constant(images[i : i + _CHUNK]) for i in range(0, len(images), _CHUNK)]
    values: dict[int, list[tf.Tensor]] = {graph.input: chunks}
    last, count = last_uses(graph.steps), 0
    for place, step in enumerate(graph.steps):
        count += estimate_step(step, values[step.inputs[0]])
        results = [
            step.run([values[number][i] for number in step.inputs]) for i in range(len(chunks))
        ]
        for position, number in enumerate(step.outputs):
            values[number] = [result[position] for result in results]
        for number in step.inputs:
            if last[number] == place:
                values.pop(number, None)
    return count


def estimate_step(step: Step, inputs: Sequence[tf.Tensor]) -> bool:
    """Set the moving statistics of one layer to those of its input.

    Args:
        step: A call of a layer.
        inputs: Chunks of the input.

    Returns:
        Whether the layer is a batch normalization; any other layer is left as it is.
    """
    layer = step.operation
    if not isinstance(layer, keras.layers.BatchNormalization):
        return False
    mean, variance = moments(inputs, layer.axis)
    layer.moving_mean.assign(mean)
    layer.moving_variance.assign(variance)
    return True


def moments(chunks: Sequence[tf.Tensor], axis: int = -1) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and the variance of each channel over chunks, exactly.

    Args:
        chunks: Tensors that differ in their first dimension only.
        axis: The axis of the channels.

    Returns:
        Two float64 arrays `(channels,)`. The variance is divided by the number of values.
    """
    sums, count = np.float64(0), 0
    shape = chunks[0].shape
    axes = [i for i in range(len(shape)) if i != axis % len(shape)]
    for chunk in chunks:
        sums = sums + tf.reduce_sum(tf.cast(chunk, tf.float64), axes).numpy()
        count += int(np.prod([chunk.shape[i] for i in axes]))
    mean = sums / count
    along = [1] * len(shape)
    along[axis % len(shape)] = -1
    squares = np.float64(0)
    for chunk in chunks:  # a second pass: the difference of two large sums would be inexact
        centered = tf.cast(chunk, tf.float64) - mean.reshape(along)
        squares = squares + tf.reduce_sum(tf.square(centered), axes).numpy()
    return mean, squares / count
