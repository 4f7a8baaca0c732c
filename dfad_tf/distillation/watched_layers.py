"""The layers of teacher and student that a method reads, besides logits and features."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import keras
import tensorflow as tf

from dfad_tf.compute.keras_internals import all_layers
from dfad_tf.graphs.flattening import flattened
from dfad_tf.graphs.layer_graph import is_graph, own_nodes
from dfad_tf.graphs.layer_outputs import layer_outputs, pair_layers
from dfad_tf.graphs.training_form import TrainingForm
from dfad_tf.losses import FeatureMatching
from dfad_tf.methods.method import Method
from dfad_tf.teachers.teacher_signals import TeacherSignals
from dfad_tf.utils.errors import InputError

_LOG = logging.getLogger(__name__)


class WatchedLayers:
    """Find the layers whose maps or statistics a method compares.

    Args:
        method: The method.
        signals: The teacher's signals.
        student: The student.
        precision: Keras dtype policy of the training computations. None uses the policy of
            each layer.

    Attributes:
        signals: The teacher's signals, including the watched activations.
        student_maps: The student in the form that training runs, from images to a dictionary of
            `logits` and `maps`; None if no maps are compared.
        map_count: Number of the watched activations that are maps. They are the first ones.

    Raises:
        InputError: If a layer does not exist, or the layers of teacher and student do not match.
    """

    def __init__(
        self,
        method: Method,
        signals: TeacherSignals,
        student: keras.Model,
        precision: str | None = None,
    ) -> None:
        self.student_maps: TrainingForm | None = None
        if any(term.needs_batch_norm for term in method.generator_objectives):
            signals = without_nested_networks(signals)
        teacher, tensors = signals.teacher, []
        if method.feature_loss:
            teacher_layers, student_layers = pair_layers(
                teacher,
                student,
                method.feature_loss.teacher_layers,
                method.feature_loss.student_layers,
            )
            tensors += layer_outputs(teacher, teacher_layers, "teacher_layers")
            outputs = layer_outputs(student, student_layers, "student_layers")
            if isinstance(method.feature_loss, FeatureMatching):
                check_equal_shapes(tensors, outputs)
            self.student_maps = form_with_maps(student, outputs, precision)
        self.map_count = len(tensors)
        self._normalizations: list[keras.layers.BatchNormalization] = []
        if any(term.needs_batch_norm for term in method.generator_objectives):
            found = batch_normalizations(signals.teacher)
            self._normalizations = [layer for layer, _ in found]
            tensors += [inputs for _, inputs in found]
        self.signals = signals.watching(tensors).in_precision(precision)

    @property
    def normalization_count(self) -> int:
        """Number of the teacher's batch normalizations that are read."""
        return len(self._normalizations)

    def moving_statistics(self) -> list[tuple[keras.Variable, keras.Variable]]:
        """Return moving mean and moving variance of each batch normalization that is read."""
        return [(layer.moving_mean, layer.moving_variance) for layer in self._normalizations]

    def batch_norm(
        self, activations: tuple[tf.Tensor, ...]
    ) -> tuple[tuple[tf.Tensor, keras.Variable, keras.Variable], ...]:
        """Return the input, moving mean and moving variance of each batch normalization.

        Args:
            activations: The watched activations of one batch.
        """
        inputs = activations[self.map_count :]
        return tuple(
            (tensor, layer.moving_mean, layer.moving_variance)
            for tensor, layer in zip(inputs, self._normalizations, strict=True)
        )


def check_equal_shapes(
    teacher: Sequence[keras.KerasTensor], student: Sequence[keras.KerasTensor]
) -> None:
    """Check that feature maps that are compared value by value have equal shapes.

    Args:
        teacher: Feature maps of the teacher.
        student: As many of the student.

    Raises:
        InputError: If a pair differs.
    """
    for wanted, found in zip(teacher, student, strict=True):
        if tuple(wanted.shape) != tuple(found.shape):
            raise InputError(
                "Expected feature maps of the student to have the shapes of the teacher's for "
                "feature matching (`feature_weight=0` disables it). Received: "
                f"{tuple(found.shape[1:])} for {tuple(wanted.shape[1:])}"
            )


def form_with_maps(
    student: keras.Model, outputs: list[keras.KerasTensor], precision: str | None
) -> TrainingForm:
    """Return a student in the form that training runs, from images to `logits` and `maps`.

    Args:
        student: The student.
        outputs: Symbolic outputs of the layers whose maps are compared.
        precision: Keras dtype policy of the training computations.
    """
    logits = student.outputs[0]
    network = keras.Model(student.inputs[0], {"logits": logits, "maps": outputs})
    return TrainingForm(network, precision, [logits])


def batch_normalizations(
    teacher: keras.Model,
) -> list[tuple[keras.layers.BatchNormalization, keras.KerasTensor]]:
    """Return the batch normalizations in a teacher's graph, each with its symbolic input.

    Args:
        teacher: The teacher. One that is not a graph of layers has none that can be read.
    """
    if not is_graph(teacher):
        return []
    kind, nodes = keras.layers.BatchNormalization, own_nodes(teacher)
    found = [layer for layer in teacher.layers if isinstance(layer, kind)]
    return [(layer, node.input_tensors[0]) for layer in found for node in nodes[layer.name]]


def without_nested_networks(signals: TeacherSignals) -> TeacherSignals:
    """Return the same signals from a graph to which all readable batch normalizations belong.

    Args:
        signals: The signals of a teacher. They are returned unchanged if none of its batch
            normalizations is in a network nested in it, or if that cannot be unfolded.
    """
    teacher = signals.teacher
    kind = keras.layers.BatchNormalization
    own = {id(layer) for layer in teacher.layers}
    if all(id(layer) in own for layer in all_layers(teacher) if isinstance(layer, kind)):
        return signals
    flat = flattened(teacher)
    if flat is None:
        _LOG.warning(
            "The batch normalizations in networks nested in %s cannot be read.", teacher.name
        )
        return signals
    flat.trainable = False
    return TeacherSignals(flat, signals.requested_features)
