"""What a method reads inside the teacher and the student, beside logits and features."""

from __future__ import annotations

from typing import Any

import keras

from dfad_tf.compute.keras_internals import all_layers
from dfad_tf.graphs.layer_graph import is_graph, own_nodes
from dfad_tf.graphs.layer_outputs import layer_outputs, pair_layers
from dfad_tf.graphs.training_form import TrainingForm
from dfad_tf.methods.method import Method
from dfad_tf.teachers.teacher_signals import TeacherSignals
from dfad_tf.utils.errors import InputError


class WatchedLayers:
    """Find the layers whose maps or statistics a method compares.

    Args:
        method: The composition.
        signals: The teacher's signals.
        student: The student.
        precision: Keras dtype policy to compute in; None leaves every layer its own.

    Raises:
        InputError: If layers are not there, or do not pair.

    Attributes:
        signals: The teacher's signals, with what is watched of its layers.
        student_maps: The student as training runs it, from images to a dictionary of
            `logits` and `maps`; None where no maps are compared.
        map_count: Of the activations that the signals watch, the first so many are maps.
    """

    def __init__(
        self,
        method: Method,
        signals: TeacherSignals,
        student: keras.Model,
        precision: str | None = None,
    ) -> None:
        self.student_maps: TrainingForm | None = None
        teacher, tensors = signals.teacher, []
        if method.attention:
            theirs, ours = pair_layers(
                teacher, student, method.attention.teacher_layers, method.attention.student_layers
            )
            tensors += layer_outputs(teacher, theirs, "teacher_layers")
            outputs = layer_outputs(student, ours, "student_layers")
            self.student_maps = form_with_maps(student, outputs, precision)
        self.map_count = len(tensors)
        self._normalizations: list[Any] = []
        if any(term.needs_batch_norm for term in method.generator_objectives):
            found = batch_normalizations(teacher)
            self._normalizations = [layer for layer, _ in found]
            tensors += [inputs for _, inputs in found]
        self.signals = signals.watching(tensors).in_precision(precision)

    def batch_norm(self, activations: tuple[Any, ...]) -> tuple[tuple[Any, Any, Any], ...]:
        """Return input, moving mean and variance of each batch normalization."""
        inputs = activations[self.map_count :]
        return tuple(
            (tensor, layer.moving_mean, layer.moving_variance)
            for tensor, layer in zip(inputs, self._normalizations, strict=True)
        )


def form_with_maps(student: keras.Model, outputs: list[Any], precision: str | None) -> TrainingForm:
    """Return a student as training runs it, from images to `logits` and `maps`."""
    logits = student.outputs[0]
    network = keras.Model(student.inputs[0], {"logits": logits, "maps": outputs})
    return TrainingForm(network, precision, [logits])


def batch_normalizations(teacher: keras.Model) -> list[tuple[Any, Any]]:
    """Return a teacher's batch normalizations, each with its input; none where it has none.

    Raises:
        InputError: If the teacher is no graph, or they lie in a network nested in it.
    """
    kind = keras.layers.BatchNormalization
    found = [layer for layer in teacher.layers if isinstance(layer, kind)]
    everywhere = [layer for layer in all_layers(teacher) if isinstance(layer, kind)]
    if not is_graph(teacher) or len(found) != len(everywhere):
        raise InputError(
            "Expected a functional or sequential teacher whose batch normalizations are layers of "
            "its own, for their statistics (--batch_norm_weight=0 leaves them out). Received: "
            f"{type(teacher).__name__} with {len(everywhere) - len(found)} of them elsewhere"
        )
    nodes = own_nodes(teacher)
    return [(layer, node.input_tensors[0]) for layer in found for node in nodes[layer.name]]
