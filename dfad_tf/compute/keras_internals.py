"""The only module that reads or sets private attributes of Keras objects.

Keras may change these attributes in any release. `tests/compute/test_keras_internals.py` has a
test for each function here, and `setup.py` bounds the Keras versions to those that the tests
have passed with.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import keras


class LayerCall(Protocol):
    """One call of a layer in a graph, which Keras names a node.

    Attributes:
        input_tensors: The symbolic tensors that the layer was called with.
        output_tensors: The symbolic tensors that the call returned.
        operation: The layer, the nested model or the operation that was called.
        arguments: The arguments of the call, symbolic tensors and others.
    """

    input_tensors: list[keras.KerasTensor]
    output_tensors: list[keras.KerasTensor]
    operation: Any
    arguments: Any


def is_symbolic(tensor: object) -> bool:
    """Return whether a tensor is the output of a layer in a graph."""
    return hasattr(tensor, "_keras_history")


def producing_layer(tensor: keras.KerasTensor) -> keras.layers.Layer:
    """Return the layer, the nested model or the operation that a symbolic tensor comes from.

    An operation, such as an addition of two tensors, has a name and a config, but no dtype policy.
    """
    return tensor._keras_history.operation


def producing_call(tensor: keras.KerasTensor) -> LayerCall:
    """Return the call that a symbolic tensor is the output of."""
    history = tensor._keras_history
    return history.operation._inbound_nodes[history.node_index]


def call_inputs(tensor: keras.KerasTensor) -> list[keras.KerasTensor]:
    """Return the inputs of the call that a symbolic tensor is the output of."""
    return producing_call(tensor).input_tensors


def call_arguments(call: LayerCall) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the positional and the named arguments of a call, with symbolic tensors."""
    return call.arguments.args, call.arguments.kwargs


def call_again(call: LayerCall, values: Sequence[Any]) -> Any:
    """Repeat a call of a graph in inference mode, with values for its symbolic inputs.

    Args:
        call: The call.
        values: One tensor for each of `call.input_tensors`, in their order.

    Returns:
        What the layer or the operation returns for these values. No call is added to a graph.
    """
    by_tensor = {
        id(tensor): value for tensor, value in zip(call.input_tensors, values, strict=True)
    }
    args, kwargs = call.arguments.fill_in(by_tensor)
    # A graph may have been built with `training=True`; it would update batch-norm statistics.
    kwargs.pop("training", None)
    return call.operation(*args, **kwargs)


def all_layers(model: keras.Model, include_self: bool = True) -> list[keras.layers.Layer]:
    """Return the layers of a model and of all models and layers nested in it.

    Args:
        model: A model, a graph or not.
        include_self: Whether the first element is the model itself.

    Returns:
        Each layer once, in the order in which Keras tracks them. The order of a model and of its
        clone is the same.
    """
    return model._flatten_layers(include_self=include_self)


def learning_rate_or_schedule(
    optimizer: keras.optimizers.Optimizer,
) -> keras.Variable | keras.optimizers.schedules.LearningRateSchedule:
    """Return the variable or the schedule that an optimizer takes its learning rate from.

    The public `optimizer.learning_rate` is the value of a schedule at the current step.
    """
    return optimizer._learning_rate


def initial_epoch(model: keras.Model) -> int | None:
    """Return the epoch that the next `fit` starts from, if a callback has set one."""
    return model._initial_epoch


def set_initial_epoch(model: keras.Model, epoch: int | None) -> None:
    """Set the epoch that `fit` starts from, as `keras.callbacks.BackupAndRestore` does.

    Args:
        model: A compiled model.
        epoch: The epoch, from 0; None lets the argument `initial_epoch` of `fit` decide.
    """
    model._initial_epoch = epoch


def loss_tracker(model: keras.Model) -> keras.metrics.Mean:
    """Return the metric `loss`, which Keras logs as the mean over an epoch."""
    return model._loss_tracker


def compiled_metrics(model: keras.Model) -> keras.Metric | None:
    """Return the metrics that `compile` was given, as one metric; None if there are none.

    It returns a dictionary of results, and is built by the first batch.
    """
    return model._compile_metrics


def build_compiled_metrics(model: keras.Model, batch: Any) -> None:
    """Build the model's metrics and losses for a batch, as the first train step does.

    Args:
        model: A compiled model.
        batch: Inputs, labels and weights as `fit` reads them from its data.
    """
    model._symbolic_build(data_batch=batch)
