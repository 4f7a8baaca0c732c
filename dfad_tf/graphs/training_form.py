"""The form in which training runs a network: its weights in faster operations."""

from __future__ import annotations

import functools
import logging
import re
import traceback
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import tensorflow as tf

from dfad_tf.compute import replicas
from dfad_tf.compute.fast_layers import FusedBatchNormalization
from dfad_tf.compute.keras_internals import all_layers, call_inputs, producing_layer
from dfad_tf.graphs.layer_graph import is_graph
from dfad_tf.graphs.layer_table import fast_form, kind_of
from dfad_tf.graphs.safe_gradients import unsafe_layers
from dfad_tf.utils.errors import InputError

_LOG = logging.getLogger(__name__)
_LONGEST_REASON = 300  # characters


class TrainingForm:
    """Run a network on its own weights, with faster layers and in another precision.

    In Keras the precision belongs to the layers, so a student trained in bfloat16 would be saved
    in bfloat16, and a student with the layers of `fast_layers` would be saved with these. Here a
    clone of the network runs the computation and the network keeps the weights. The network
    stays the plain float32 model that is saved and exported.

    This object is not a layer, so a model that holds it saves the network once. A network that
    cannot be cloned (not a graph of layers, a `call` method of its own, layers without a config),
    and one whose layers do not run in the requested precision, runs unchanged. If that loses the
    requested precision, a warning names the layer and the reason, once.

    Under a `tf.distribute` strategy, the batch normalizations of the clone use the statistics of
    the global batch.

    Args:
        network: The network. Its variables are read, and training mode updates its batch
            statistics.
        precision: A Keras dtype policy such as `"mixed_bfloat16"`. None keeps the dtype policy
            of every layer.
        exact: The outputs whose layers stay in float32. None stands for all outputs.

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
        exact: Sequence[keras.KerasTensor] | None = None,
    ) -> None:
        self.network = network
        self.clone = _clone(network, precision and keras.DTypePolicy(precision).name, exact)
        self._normalizations: list[tuple[keras.layers.Layer, keras.layers.Layer]] = []
        if self.clone is None:
            _warn_of_unsafe_layers(network)
        else:
            pairs = zip(all_layers(network), all_layers(self.clone), strict=True)
            self._normalizations = [
                pair for pair in pairs if isinstance(pair[0], keras.layers.Normalization)
            ]

    @property
    def compute_dtype(self) -> str:
        """Type of the network's products: the compute dtype of its first layer with weights."""
        layers = all_layers(self.clone or self.network, include_self=False)
        types = [layer.compute_dtype for layer in layers if layer.trainable_variables]
        return types[0] if types else "float32"

    def __call__(
        self,
        inputs: tf.Tensor,
        training: bool = False,
        weights: Sequence[tf.Tensor] | None = None,
    ) -> Any:
        """Return the network's outputs. Training mode updates its batch statistics.

        Args:
            inputs: A batch.
            training: Whether the network runs in training mode.
            weights: Values in the place of the trainable variables; None for those of the network.

        Raises:
            InputError: If `weights` is given, and the network cannot be cloned.
        """
        if training:
            self._check_global_statistics()
        if self.clone is None:
            if weights is not None:
                raise InputError(
                    f"Expected {self.network.name} to be a graph of layers that Keras can clone, "
                    f"to run it with other weights. Received: a {type(self.network).__name__}"
                )
            return self.network(inputs, training=training)
        # A normalization layer computes with constants that it derives from its weights.
        for adapted, layer in self._normalizations:
            layer.mean = keras.ops.cast(adapted.mean, layer.compute_dtype)
            layer.variance = keras.ops.cast(adapted.variance, layer.compute_dtype)
        state = self.network.non_trainable_variables
        before = [tf.convert_to_tensor(variable.value) for variable in state]
        outputs, after = self.clone.stateless_call(
            weights or [variable.value for variable in self.network.trainable_variables],
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
        for layer in all_layers(self.clone or self.network):
            if isinstance(layer, kind) and layer.trainable and not layer.synchronized:
                raise InputError(
                    "Expected batch normalizations with synchronized=True on several replicas, in "
                    "a network that Keras cannot clone and in subclasses of them. Received: "
                    f"{layer.name} ({type(layer).__name__}) of {self.network.name}"
                )


def _clone(
    network: keras.Model, precision: str | None, exact: Sequence[keras.KerasTensor] | None
) -> keras.Model | None:
    """Clone a network in fast layers; None, with a warning or a log line, if that fails."""
    if not is_graph(network):
        _report(network.name, precision, f"{type(network).__name__} is not a graph of layers")
        return None
    altered = _with_own_call(network)
    if altered is not None:
        _report(altered.name, precision, f"{type(altered).__name__} may override the method call")
        return None
    heads = set(_heads(network.outputs if exact is None else exact))

    def clone_layer(layer: keras.layers.Layer) -> keras.layers.Layer:
        kind = fast_form(layer)
        config = layer.get_config()
        if kind is FusedBatchNormalization and replicas.count() > 1:
            kind, config["synchronized"] = keras.layers.BatchNormalization, True
        # Logits and images stay in float32: eight bits are too few to compare logits.
        policy = getattr(layer, "dtype_policy", None)  # an operation has none
        if precision and policy and policy.name == "float32" and id(layer) not in heads:
            config["dtype"] = precision
        return kind.from_config(config)

    # A third-party layer may raise any exception, from its config, its call or its gradient.
    try:
        clone = keras.models.clone_model(network, clone_function=clone_layer, recursive=True)
        if precision and not all(map(_is_known, all_layers(network))):
            _check_traces(clone)
    except Exception as error:
        _report(_culprit(error, network), precision, _first_words(error))
        return None
    return clone


def _report(layer: str, precision: str | None, reason: str) -> None:
    """Warn, once, that a precision is lost; log it where only faster layers are."""
    if precision in (None, "float32"):
        _LOG.info("The layer %s keeps a network from running in faster layers: %s.", layer, reason)
    else:
        _warn_once(
            f"The network cannot run in {precision} because of the layer {layer} ({reason}). It "
            "runs in its own precision."
        )


def _warn_of_unsafe_layers(network: keras.Model) -> None:
    for layer in unsafe_layers(network)[:1]:
        _warn_once(
            f"Training {network.name} may end the process: oneDNN writes past "
            f"its workspace in the gradient of the 1x1 convolution {layer.name}, which has strides "
            "and fewer than 16 channels, and Keras cannot clone the network with a safer layer."
        )


@functools.cache
def _warn_once(message: str) -> None:
    """Warn of a network once, although several forms of it are created in one training."""
    warnings.warn(message, stacklevel=5)


def _culprit(error: Exception, network: keras.Model) -> str:
    """Name the layer that raised an error, as the traceback shows it."""
    names = [layer.name for layer in all_layers(network) if not _is_known(layer)]
    for frame, _ in reversed(list(traceback.walk_tb(error.__traceback__))):
        for variable in ("self", "layer"):  # in the layer's own method, or in `clone_layer`
            layer = frame.f_locals.get(variable)
            if isinstance(layer, keras.layers.Layer) and layer.name in names:
                return layer.name
    return " or ".join(names) or network.name


def _first_words(error: Exception) -> str:
    """Return the message of an error in one line, without what Keras writes around it."""
    text = re.sub(r"\x1b\[\d+m", "", str(error))
    text = re.split(r"(?:Error|Exception) encountered[^\n]*\n\n", text)[-1]
    text = text.split("\n\nArguments received")[0]
    text = " ".join(text.split()).rstrip(".") or type(error).__name__
    return text[:_LONGEST_REASON]


def _check_traces(clone: keras.Model) -> None:
    """Trace a pass and its gradient: a third-party layer may run in float32 alone."""

    @tf.function(autograph=False)
    def both(images: tf.Tensor) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(images)
            outputs = tf.nest.flatten(clone(images, training=True))
        return tape.gradient(outputs, images)

    both.get_concrete_function(tf.TensorSpec((2, *clone.input_shape[1:])))


def _with_own_call(model: keras.Model) -> keras.Model | None:
    """Return the model, or one nested in it, whose class is not Keras's: its `call` may differ."""
    if not type(model).__module__.startswith("keras."):
        return model
    inner = (_with_own_call(layer) for layer in model.layers if isinstance(layer, keras.Model))
    return next((found for found in inner if found is not None), None)


def _is_known(layer: keras.layers.Layer) -> bool:
    """Return whether a layer is Keras's or this package's, and so runs in any precision."""
    known = type(layer).__module__.startswith(("keras.", "dfad_tf."))
    return known and not isinstance(layer, keras.layers.Lambda)


def _heads(outputs: Sequence[keras.KerasTensor]) -> Iterator[int]:
    """Yield the identities of the layers that return a network's outputs."""
    for output in outputs:
        tensor = output
        while True:
            layer = producing_layer(tensor)
            yield id(layer)
            if is_graph(layer):
                yield from _heads(layer.outputs)
            if not kind_of(layer).head_continues:
                break
            tensor = call_inputs(tensor)[0]
