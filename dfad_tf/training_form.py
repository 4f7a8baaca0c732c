"""The form in which training runs a network: its own weights, in faster operations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from dfad_tf.graphs import is_graph


class TrainingForm:
    """Run a network on its own weights, with fused batch norm and in another precision.

    Keras computes batch norm as a dozen element-wise operations, in float32 also under
    mixed precision; TensorFlow has a fused kernel for it. And a precision belongs to
    Keras's layers, so that a student trained in bfloat16 would be saved as such. Here a
    clone of the network computes, and the network keeps the weights: it stays the
    plain float32 model that is saved and exported.

    This object is no layer, so that a model that holds it saves the network once. A
    network that cannot be cloned (no graph, layers without a config) runs as it is.

    Args:
        network: The network; its variables are read, and its batch statistics moved.
        precision: A Keras dtype policy such as `"mixed_bfloat16"`; None leaves every
            layer its own.

    Example:

    >>> form = TrainingForm(student, "mixed_bfloat16")
    >>> logits = form(images, training=True)
    """

    def __init__(self, network: keras.Model, precision: str | None = None) -> None:
        self.network = network
        self.clone = _clone(network, precision)

    @property
    def compute_dtype(self) -> str:
        """Type of the network's products: that of its first layer with weights."""
        layers = (self.clone or self.network)._flatten_layers(include_self=False)
        types = [layer.compute_dtype for layer in layers if layer.trainable_variables]
        return types[0] if types else "float32"

    def __call__(self, inputs: Any, training: bool = False) -> Any:
        """Return the network's outputs; training mode moves its batch statistics."""
        if self.clone is None:
            return self.network(inputs, training=training)
        state = self.network.non_trainable_variables
        outputs, moved = self.clone.stateless_call(
            [variable.value for variable in self.network.trainable_variables],
            [variable.value for variable in state],
            inputs,
            training=training,
        )
        if training:
            for variable, value in zip(state, moved, strict=True):
                variable.assign(value)
        return outputs


@keras.saving.register_keras_serializable("dfad_tf")
class FusedBatchNormalization(keras.layers.BatchNormalization):
    """Batch norm over images in TensorFlow's fused kernel: the same sums in one pass.

    Takes the same arguments as `keras.layers.BatchNormalization` and has its weights.
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
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

    def _fits(self, inputs: Any) -> bool:
        """Whether the kernel computes what this layer is set to."""
        return (
            isinstance(inputs, tf.Tensor)
            and len(inputs.shape) == 4
            and self.axis in (-1, 3)
            and inputs.dtype in (tf.float32, tf.bfloat16, tf.float16)
            and not (self.renorm or self.synchronized)
        )


def _clone(network: keras.Model, precision: str | None) -> keras.Model | None:
    if not is_graph(network):
        return None
    heads = set(_heads(network))

    def clone_layer(layer: Any) -> Any:
        plain = type(layer) is keras.layers.BatchNormalization
        kind = FusedBatchNormalization if plain else type(layer)
        config = layer.get_config()
        # Logits and images stay in float32: eight bits are too few to compare logits by.
        if precision and layer.dtype_policy.name == "float32" and id(layer) not in heads:
            config["dtype"] = precision
        return kind.from_config(config)

    try:
        return keras.models.clone_model(network, clone_function=clone_layer, recursive=True)
    except Exception:  # whatever a user's layer raises: its network runs as it is
        return None


def _heads(network: Any) -> Iterator[int]:
    """Identities of the layers that a network's outputs come from."""
    for output in network.outputs:
        layer = output._keras_history.operation
        yield id(layer)
        if is_graph(layer):
            yield from _heads(layer)
