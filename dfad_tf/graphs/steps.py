"""A network as a list of steps, which can be executed in parts."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from dfad_tf.compute.keras_internals import (
    LayerCall,
    call_again,
    producing_call,
    producing_layer,
)
from dfad_tf.graphs.layer_graph import is_graph
from dfad_tf.utils.errors import InputError


@dataclass(frozen=True, eq=False)
class Step:
    """One call of a layer or of an operation.

    Attributes:
        operation: The layer or the operation.
        call: The call in the graph of Keras.
        inputs: Numbers of the tensors that the call reads.
        outputs: Numbers of the tensors that it returns.
    """

    operation: Any
    call: LayerCall
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    @property
    def shape(self) -> tuple[int | None, ...]:
        """Shape of the first output, without the batch."""
        return tuple(self.call.output_tensors[0].shape[1:])

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """Shape of the first input, without the batch."""
        return tuple(self.call.input_tensors[0].shape[1:])

    @property
    def has_weights(self) -> bool:
        """Whether the step is a layer with weights."""
        return bool(getattr(self.operation, "weights", None))

    def run(self, values: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """Return the outputs for values of the inputs, in inference mode."""
        return tf.nest.flatten(call_again(self.call, values))


@dataclass(frozen=True)
class StepList:
    """All calls in a network with one input and one output.

    Attributes:
        steps: Every step after those whose outputs it reads.
        input: Number of the input tensor.
        output: Number of the output tensor.
    """

    steps: tuple[Step, ...]
    input: int
    output: int


def list_steps(network: keras.Model) -> StepList:
    """Return the steps of a network. Those of graphs nested in it are among them.

    Args:
        network: A graph of layers with one input and one output.

    Raises:
        InputError: If the network is not a graph with one input and one output.

    Example:

    >>> [type(step.operation).__name__ for step in list_steps(student).steps]
    ['Conv2D', 'Flatten', 'Dense', 'Dense']
    """
    if not is_graph(network) or len(network.inputs) != 1 or len(network.outputs) != 1:
        raise InputError(
            "Expected a functional or sequential Keras network with one input and one output. "
            f"Received: {type(network).__name__}"
        )
    counter = itertools.count(1)
    steps: list[Step] = []
    output = _collect(network, 0, steps, counter)
    return StepList(tuple(steps), 0, output)


def run_steps(
    steps: Sequence[Step], values: dict[int, tf.Tensor], keep: Sequence[int]
) -> dict[int, tf.Tensor]:
    """Execute the steps that some tensors need, and forget each tensor after its last use.

    Args:
        steps: Steps in their order.
        values: Tensors that exist before, by number.
        keep: Numbers of the tensors to return.

    Returns:
        The tensors of `keep` by number.
    """
    steps = _needed_steps(steps, set(keep) - set(values), set(values))
    values, last = dict(values), last_uses(steps)
    for place, step in enumerate(steps):
        results = step.run([values[number] for number in step.inputs])
        values.update(zip(step.outputs, results, strict=True))
        for number in step.inputs:
            if last[number] == place and number not in keep:
                values.pop(number, None)
    return {number: values[number] for number in keep}


def _needed_steps(steps: Sequence[Step], needed: set[int], known: set[int]) -> list[Step]:
    """Return the steps that tensors depend on, in their order, as far as these are not known."""
    found = []
    for step in reversed(steps):
        if needed & set(step.outputs):
            found.append(step)
            needed |= set(step.inputs) - known
    return found[::-1]


def last_uses(steps: Sequence[Step]) -> dict[int, int]:
    """Return the place of the last step that reads a tensor, by the number of the tensor."""
    return {number: place for place, step in enumerate(steps) for number in step.inputs}


def _collect(network: keras.Model, source: int, steps: list[Step], counter: Iterator[int]) -> int:
    """Append the steps of a graph whose input is a numbered tensor; return its output's number."""
    numbers = {id(network.inputs[0]): source}
    # A stack in place of a recursion: a deep network exceeds Python's limit.
    waiting = [network.outputs[0]]
    while waiting:
        tensor = waiting[-1]
        if id(tensor) in numbers:
            waiting.pop()
            continue
        call = producing_call(tensor)
        missing = [t for t in call.input_tensors if id(t) not in numbers]
        if missing:
            waiting += reversed(missing)
            continue
        layer = producing_layer(tensor)
        inputs = tuple(numbers[id(t)] for t in call.input_tensors)
        if _is_nested(layer) and len(inputs) == 1:
            numbers[id(tensor)] = _collect(layer, inputs[0], steps, counter)
        else:
            outputs = tuple(next(counter) for _ in call.output_tensors)
            steps.append(Step(layer, call, inputs, outputs))
            numbers.update(zip(map(id, call.output_tensors), outputs, strict=True))
        waiting.pop()
    return numbers[id(network.outputs[0])]


def _is_nested(layer: Any) -> bool:
    """Return whether a layer is a graph whose class is Keras's: another may override `call`."""
    return (
        is_graph(layer)
        and type(layer).__module__.startswith("keras.")
        and len(layer.inputs) == len(layer.outputs) == 1
    )
