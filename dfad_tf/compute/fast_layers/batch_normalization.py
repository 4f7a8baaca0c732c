"""Batch normalization in one kernel."""

from __future__ import annotations

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("dfad_tf")
class FusedBatchNormalization(keras.layers.BatchNormalization):
    """Batch normalization of images in TensorFlow's fused kernel: the same sums in one pass.

    Keras runs a dozen element-wise operations, in float32 even under mixed
    precision. Arguments and weights are those of `keras.layers.BatchNormalization`.

    Example:

    >>> FusedBatchNormalization(momentum=0.9)(images, training=True)
    """

    def call(
        self, inputs: tf.Tensor, training: bool | None = None, mask: tf.Tensor | None = None
    ) -> tf.Tensor:
        if not self._fits(inputs) or mask is not None:
            return super().call(inputs, training=training, mask=mask)
        channels = inputs.shape[-1]
        scale = self.gamma.value if self.scale else tf.ones(channels)
        offset = self.beta.value if self.center else tf.zeros(channels)
        moving = (self.moving_mean, self.moving_variance)
        training = bool(training and self.trainable)
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=scale,
            offset=offset,
            mean=tf.zeros(0) if training else moving[0].value,
            variance=tf.zeros(0) if training else moving[1].value,
            epsilon=self.epsilon,
            is_training=training,
        )
        if training:
            # The kernel returns the unbiased variance; Keras averages the biased one.
            count = tf.cast(tf.size(inputs) // channels, tf.float32)
            for variable, value in zip(
                moving, (mean, variance * (count - 1.0) / count), strict=True
            ):
                variable.assign(variable * self.momentum + value * (1.0 - self.momentum))
        return outputs

    def _fits(self, inputs: tf.Tensor) -> bool:
        """Return whether the kernel computes the function of this layer's arguments."""
        return (
            isinstance(inputs, tf.Tensor)
            and len(inputs.shape) == 4
            and self.axis in (-1, 3)
            and inputs.dtype in (tf.float32, tf.bfloat16, tf.float16)
            and not (getattr(self, "renorm", False) or self.synchronized)
        )
