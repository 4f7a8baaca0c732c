"""Distillation with data, as a Keras model with one `train_step`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from dfad_tf.compute import replicas
from dfad_tf.compute.keras_internals import compiled_metrics, loss_tracker
from dfad_tf.compute.optimizers import apply_gradients
from dfad_tf.distillation.compatibility import check_student
from dfad_tf.distillation.distillation_model import DistillationModel
from dfad_tf.graphs.layer_outputs import layer_outputs
from dfad_tf.graphs.training_form import TrainingForm
from dfad_tf.methods.supervised_objectives import Comparison, SupervisedObjective
from dfad_tf.teachers.teacher_signals import TeacherSignals
from dfad_tf.utils.errors import InputError


class SupervisedDistiller(DistillationModel):
    """Train a student on real images, by the sum of some objectives.

    What the field does where there is data: labels, logits and maps of a frozen teacher in
    inference mode. `keras.distillation.Distiller` is not its base: for maps it runs
    the student twice, and its evaluation moves batch statistics.

    Args:
        teacher: A classifier; its `trainable` is set to False.
        student: A classifier with the same input, and logits as output.
        objectives: Terms of the loss. Where none reads the student's logits, only the layers
            up to its maps are trained.
        teacher_layers: Layers of the teacher whose maps the objectives compare.
        student_layers: Layers of the student, paired with them by place.
        precision: Keras dtype policy to compute in; None leaves every layer its own.

    Raises:
        InputError: If the student does not fit, or a layer is not there.

    Example:

    >>> distiller = SupervisedDistiller(teacher, student, [LabelObjective()])
    >>> distiller.compile("adam", metrics=["accuracy"])
    >>> distiller.fit(dataset, epochs=10)
    """

    def __init__(
        self,
        teacher: keras.Model,
        student: keras.Model,
        objectives: Sequence[SupervisedObjective],
        teacher_layers: Sequence[str] = (),
        student_layers: Sequence[str] = (),
        precision: str | None = None,
    ) -> None:
        super().__init__(name="supervised_distiller")
        check_student(teacher, student)
        if not (teacher_layers or student_layers) and any(term.needs_maps for term in objectives):
            raise InputError(
                "Expected `teacher_layers` and `student_layers` for objectives that compare maps. "
                "Received none."
            )
        teacher.trainable = False
        self.teacher, self.student = teacher, student
        self.objectives = tuple(objectives)
        # An attribute, so that Keras saves and restores what is trained along.
        self.networks = [network for term in objectives for network in term.networks]
        self.signals = None
        if any(term.needs_teacher for term in objectives):
            maps = layer_outputs(teacher, teacher_layers, "teacher_layers")
            self.signals = TeacherSignals(teacher).watching(maps).in_precision(precision)
        outputs: dict[str, Any] = {}
        if any(term.needs_logits for term in objectives):
            outputs["logits"] = student.outputs[0]
        needs_student = any(term.needs_student for term in objectives)
        if student_layers and needs_student:
            outputs["maps"] = layer_outputs(student, student_layers, "student_layers")
        self.form = None
        if outputs:
            exact = [outputs["logits"]] if "logits" in outputs else []
            self.form = TrainingForm(keras.Model(student.inputs[0], outputs), precision, exact)
        self.term_metrics = [keras.metrics.Mean(name=term.name) for term in objectives]
        self.built = True  # as the networks are

    def compile(self, optimizer: Any = "adam", metrics: Any = None, **arguments: Any) -> None:
        """Choose the optimizer, and what `validation_data` measures of the student."""
        super().compile(optimizer, metrics=metrics, **arguments)
        # Now, since replicas cannot, and a backup restores only what is built.
        self.optimizer.build(self.trainable_variables)

    @property
    def trainable_variables(self) -> list[Any]:
        """The student's, as far as the objectives reach, and those of their own networks."""
        networks = [*([self.form.network] if self.form else []), *self.networks]
        return [variable for network in networks for variable in network.trainable_variables]

    trainable_weights = trainable_variables

    def train_step(self, data: Any) -> dict[str, Any]:
        """Descend once on labelled images `(batch, height, width, channels)`."""
        images, labels, weights = keras.utils.unpack_x_y_sample_weight(data)
        if weights is not None:
            raise InputError("Expected images and labels. Received sample weights as well.")
        images = tf.cast(images, tf.float32)
        logits, maps = None, ()
        if self.signals is not None:
            logits, _, maps = self.signals.observe(images)
        variables = self.trainable_variables
        with tf.GradientTape() as tape:
            outputs = self.form(images, training=True) if self.form else {}
            students = outputs.get("logits")
            if students is not None:
                students = tf.cast(students, tf.float32)
            comparison = Comparison(labels, logits, maps, students, tuple(outputs.get("maps", ())))
            values = [term.call(comparison) for term in self.objectives]
            weighted = [t.weight * v for t, v in zip(self.objectives, values, strict=True)]
            loss = tf.add_n(weighted)
            scaled = self.optimizer.scale_loss(loss / replicas.count())
        apply_gradients(self.optimizer, tape.gradient(scaled, variables), variables)
        loss_tracker(self).update_state(loss)
        for metric, value in zip(self.term_metrics, values, strict=True):
            metric.update_state(value)
        return replicas.to_log(self.get_metrics_result())

    def trackers(self) -> list[Any]:
        return [loss_tracker(self), *self.term_metrics]

    def state_parts(self) -> dict[str, list[Any]]:
        return {
            "student": self.student.variables,
            "networks": [variable for network in self.networks for variable in network.variables],
            "optimizer": self.optimizer.variables,
            "metrics": [variable for t in self.trackers() for variable in t.variables],
        }

    def test_step(self, data: Any) -> dict[str, Any]:
        """Measure the student alone, in inference mode."""
        images, labels, weights = keras.utils.unpack_x_y_sample_weight(data)
        logits = tf.cast(self.student(images, training=False), tf.float32)
        metrics = compiled_metrics(self)
        if metrics is None:
            return {}
        metrics.update_state(labels, logits, sample_weight=weights)
        return replicas.to_log(dict(metrics.result()))

    @property
    def own_metrics(self) -> list[Any]:
        return self.term_metrics
