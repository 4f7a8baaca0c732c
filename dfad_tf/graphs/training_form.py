"""The form in which training runs a network: its own weights, in faster operations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import keras
import tensorflow as tf

from dfad_tf.compute import replicas
from dfad_tf.compute.fast_layers import FusedBatchNormalization, ProductGradientConv2D
from dfad_tf.graphs.layer_graph import is_graph
from dfad_tf.utils.errors import InputError

# Subclasses stay as they are: what they change is not known.
_FASTER: dict[Any, Any] = {
    keras.layers.BatchNormalization: FusedBatchNormalization,
    keras.layers.Conv2D: ProductGradientConv2D,
}
# Layers that may stand between the logits and the output.
_WITHOUT_WEIGHTS = (
    keras.layers.Activation,
    keras.layers.Flatten,
    keras.layers.GlobalAveragePooling2D,
    keras.layers.Reshape,
    keras.layers.Softmax,
)


class TrainingForm:
    """Run a network on its own weights, with faster layers and in another precision.

    A precision belongs to Keras's layers, so that a student trained in bfloat16 would
    be saved as such, and so do the faster layers of `fast_layers`. Here a clone of the
    network computes, and the network keeps the weights: it stays the plain float32 model
    that is saved and exported.

    This object is no layer, so that a model that holds it saves the network once. A
    network that cannot be cloned (no graph, a `call` of its own, layers without a config)
    runs as it is.

    Under a strategy the clone's batch normalizations take the statistics of the global batch.

    Args:
        network: The network; its variables are read, and its batch statistics moved.
        precision: A Keras dtype policy such as `"mixed_bfloat16"`; None leaves every
            layer its own.
        exact: The outputs whose layers stay in float32; None are all.

    Raises:
        ValueError: If Keras knows no such policy.

    Example:

    >>> form = TrainingForm(student, "mixed_bfloat16")
    >>> logits = form(images, training=True)
    """

    def __init__(
        self,
        network: keras.Model,
        precision: str | None = None,
        exact: Sequence[Any] | None = None,
    ) -> None:
        self.network = network
        self.clone = _clone(network, precision and keras.DTypePolicy(precision).name, exact)
        self._normalizations: list[tuple[Any, Any]] = []
        if self.clone is not None:
            pairs = zip(network._flatten_layers(), self.clone._flatten_layers(), strict=True)
            self._normalizations = [
                pair for pair in pairs if isinstance(pair[0], keras.layers.Normalization)
            ]

    @property
    def compute_dtype(self) -> str:
        """Type of the network's products: that of its first layer with weights."""
        layers = (self.clone or self.network)._flatten_layers(include_self=False)
        types = [layer.compute_dtype for layer in layers if layer.trainable_variables]
        return types[0] if types else "float32"

    def __call__(self, inputs: Any, training: bool = False) -> Any:
        """Return the network's outputs; training mode moves its batch statistics."""
        if training:
            self._check_global_statistics()
        if self.clone is None:
            return self.network(inputs, training=training)
        for adapted, layer in self._normalizations:  # which compute with constants, not weights
            layer.mean = keras.ops.cast(adapted.mean, layer.compute_dtype)
            layer.variance = keras.ops.cast(adapted.variance, layer.compute_dtype)
        state = self.network.non_trainable_variables
        before = [tf.convert_to_tensor(variable.value) for variable in state]
        outputs, after = self.clone.stateless_call(
            [variable.value for variable in self.network.trainable_variables],
            before,
            inputs,
            training=training,
        )
        for variable, old, new in zip(state, before, after, strict=True):
            if training and new is not old:
                variable.assign(new)
        return outputs

    def _check_global_statistics(self) -> None:
        if replicas.count() == 1:
            return
        kind = keras.layers.BatchNormalization
        for layer in (self.clone or self.network)._flatten_layers():
            if isinstance(layer, kind) and layer.trainable and not layer.synchronized:
                raise InputError(
                    "Expected batch normalizations with synchronized=True on several replicas, in "
                    "a network that Keras cannot clone and in subclasses of them. Received: "
                    f"{layer.name} ({type(layer).__name__}) of {self.network.name}"
                )


def _clone(
    network: keras.Model, precision: str | None, exact: Sequence[Any] | None
) -> keras.Model | None:
    if not is_graph(network) or not _is_plain(network):
        return None
    heads = set(_heads(network.outputs if exact is None else exact))

    def clone_layer(layer: Any) -> Any:
        kind = _FASTER.get(type(layer), type(layer))
        config = layer.get_config()
        if kind is FusedBatchNormalization and replicas.count() > 1:
            kind, config["synchronized"] = keras.layers.BatchNormalization, True
        # Logits and images stay in float32: eight bits are too few to compare logits by.
        policy = getattr(layer, "dtype_policy", None)  # which an operator has not
        if precision and policy and policy.name == "float32" and id(layer) not in heads:
            config["dtype"] = precision
        return kind.from_config(config)

    try:
        clone = keras.models.clone_model(network, clone_function=clone_layer, recursive=True)
        if precision and not all(map(_is_known, network._flatten_layers())):
            _check_traces(clone)
        return clone
    except Exception:  # whatever a user's layer raises: its network runs as it is
        return None


def _check_traces(clone: Any) -> None:
    """Trace a pass and its gradient: a user's layer may know no other type than float32."""

    @tf.function(autograph=False)
    def both(images: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(images)
            outputs = tf.nest.flatten(clone(images, training=True))
        return tape.gradient(outputs, images)

    both.get_concrete_function(tf.TensorSpec((2, *clone.input_shape[1:])))


def _is_plain(model: Any) -> bool:
    """Whether a model, and all in it, run their layers as Keras does: no `call` of their own."""
    inner = [layer for layer in model.layers if isinstance(layer, keras.Model)]
    return type(model).__module__.startswith("keras.") and all(map(_is_plain, inner))


def _is_known(layer: Any) -> bool:
    """Whether a layer is Keras's or ours, and so computes in any precision."""
    known = type(layer).__module__.startswith(("keras.", "dfad_tf."))
    return known and not isinstance(layer, keras.layers.Lambda)


def _heads(outputs: Sequence[Any]) -> Iterator[int]:
    """Identities of the layers that a network's outputs come from."""
    for output in outputs:
        tensor = output
        while True:
            layer, node_index = tensor._keras_history[:2]
            yield id(layer)
            if is_graph(layer):
                yield from _heads(layer.outputs)
            if not isinstance(layer, _WITHOUT_WEIGHTS):
                break
            tensor = layer._inbound_nodes[node_index].input_tensors[0]
