"""The units of a network: parts between tensors that everything passes through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import keras
import tensorflow as tf

from dfad_tf.graphs.layer_table import is_softmax, kind_of
from dfad_tf.graphs.steps import Step, StepList, last_uses, list_steps, run_steps
from dfad_tf.students.signatures import Signature, sign

Chunks = list[tf.Tensor]  # a batch in parts that fit the memory


@dataclass(frozen=True, eq=False)
class Unit:
    """A part of a network that maps one tensor to one tensor.

    A unit with branches is a residual block: everything from the tensor that two paths start
    from to the addition that joins them, and the activation behind it. Elsewhere each layer is a
    unit of its own.

    Attributes:
        steps: Its calls of layers, in their order.
        input: Number of the tensor that it reads.
        output: Number of the tensor that it returns.
        is_head: Whether its output is that of the network, apart from a softmax.
    """

    steps: tuple[Step, ...]
    input: int
    output: int
    is_head: bool = False

    @cached_property
    def signature(self) -> Signature:
        """What the unit computes, apart from the values of its weights."""
        return sign(self.steps, self.input, self.output, self.is_head)

    @cached_property
    def signature_by_effect(self) -> Signature:
        """The same, where a shortcut without trained weights is known by its effect."""
        return sign(self.steps, self.input, self.output, self.is_head, by_effect=True)

    @property
    def is_block(self) -> bool:
        """Whether the unit has branches."""
        return any(len(step.inputs) > 1 for step in self.steps)

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """Shape of its input, without the batch."""
        return self.steps[0].input_shape

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        """Shape of its output, without the batch."""
        return self.steps[-1].shape

    @property
    def can_be_left_out(self) -> bool:
        """Whether a network without it is still a network: a block that keeps the shape."""
        return self.is_block and self.input_shape == self.output_shape

    def run(self, inputs: Chunks) -> Chunks:
        """Return the output for chunks `(n, …)` of the input, in inference mode."""
        return [
            run_steps(self.steps, {self.input: chunk}, [self.output])[self.output]
            for chunk in inputs
        ]


@dataclass(frozen=True)
class ParsedNetwork:
    """A network as a sequence of units.

    Attributes:
        preprocessing: Units that prepare pixels, before the first one with weights.
        units: All others, without a softmax at the end.
    """

    preprocessing: tuple[Unit, ...]
    units: tuple[Unit, ...]

    @property
    def blocks(self) -> list[Unit]:
        """The units with branches."""
        return [unit for unit in self.units if unit.is_block]


def parse_network(network: keras.Model) -> ParsedNetwork:
    """Divide a network into units at the tensors that everything passes through.

    Args:
        network: A graph of layers with one input and one output.

    Returns:
        Its units. Nested graphs are divided like the network itself.

    Raises:
        InputError: If the network is not such a graph.

    Example:

    >>> len(parse_network(models.build("resnet20", (32, 32, 3), 10)).blocks)
    9
    """
    units = _attach_activations(_divide(list_steps(network)))
    while len(units) > 1 and not units[-1].is_block and is_softmax(units[-1].steps[-1].operation):
        units.pop()
    units[-1] = Unit(units[-1].steps, units[-1].input, units[-1].output, is_head=True)
    count = 0
    while count < len(units) - 1 and _prepares_pixels(units[count]):
        count += 1
    return ParsedNetwork(tuple(units[:count]), tuple(units[count:]))


def _divide(network: StepList) -> list[Unit]:
    """Cut a list of steps at each place where one tensor alone is still needed.

    In any order in which steps follow what they read, everything before a tensor that all paths
    pass through comes before it, so these places are the same for every such order.
    """
    last = last_uses(network.steps)
    last[network.output] = len(network.steps)
    units: list[Unit] = []
    start, entry, alive = 0, network.input, {network.input}
    for place, step in enumerate(network.steps):
        alive = {number for number in alive | set(step.outputs) if last.get(number, -1) > place}
        if len(alive) == 1:
            (cut,) = alive
            units.append(Unit(network.steps[start : place + 1], entry, cut))
            start, entry = place + 1, cut
    return units


def _attach_activations(units: Sequence[Unit]) -> list[Unit]:
    """Join each block with the layers without weights behind it that keep the shape."""
    joined: list[Unit] = []
    for unit in units:
        follows = joined and joined[-1].is_block and not unit.is_block
        if follows and _keeps_shape_without_weights(unit):
            joined[-1] = Unit(joined[-1].steps + unit.steps, joined[-1].input, unit.output)
        else:
            joined.append(unit)
    return joined


def _keeps_shape_without_weights(unit: Unit) -> bool:
    weights = any(step.has_weights for step in unit.steps)
    return not weights and unit.input_shape == unit.output_shape


def _prepares_pixels(unit: Unit) -> bool:
    """Return whether a unit at the start belongs to the form of the input."""
    if unit.is_block or unit.input_shape != unit.output_shape:
        return False
    operation = unit.steps[-1].operation
    kind = kind_of(operation)
    if kind.preprocessing or kind.keeps_pixel_values:
        return True
    return not isinstance(operation, keras.layers.Layer)  # such as a division by 255
