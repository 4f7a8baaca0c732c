"""Mean and variance of each channel, in one pass over feature maps of any precision."""

from __future__ import annotations

from collections.abc import Callable

import keras
import tensorflow as tf

from dfad_tf.compute import replicas

_MAPS = 4  # axes of feature maps


def channel_moments(inputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return mean and variance of each channel over the global batch, float32.

    Feature maps are not converted to float32 for it: the operation of batch normalization
    accumulates in float32 what it reads in bfloat16.

    Args:
        inputs: `(batch, …, channels)`.

    Example:

    >>> mean, variance = channel_moments(images)
    >>> mean.shape
    TensorShape([1])
    """
    if replicas.count() > 1 or len(inputs.shape) != _MAPS:
        axes = tuple(range(len(inputs.shape) - 1))
        mean, variance = replicas.moments(keras.ops.cast(inputs, "float32"), axes)
        return mean, variance
    mean, variance = _fused_moments(tf.convert_to_tensor(inputs))
    return mean, variance


@tf.custom_gradient
def _fused_moments(
    inputs: tf.Tensor,
) -> tuple[tuple[tf.Tensor, tf.Tensor], Callable[..., tf.Tensor]]:
    channels = inputs.shape[-1]
    nothing = tf.zeros(0)
    outputs = tf.raw_ops.FusedBatchNormV3(
        x=inputs,
        scale=tf.ones(channels),
        offset=tf.zeros(channels),
        mean=nothing,
        variance=nothing,
        epsilon=1e-5,
        is_training=True,
    )
    count = tf.cast(tf.size(inputs) // channels, tf.float32)
    mean = outputs.batch_mean
    variance = outputs.batch_variance * (count - 1) / count  # it divides by n − 1

    def gradient(of_mean: tf.Tensor, of_variance: tf.Tensor) -> tf.Tensor:
        slope = 2 * of_variance / count
        constant = of_mean / count - slope * mean
        return inputs * tf.cast(slope, inputs.dtype) + tf.cast(constant, inputs.dtype)

    return (mean, variance), gradient
