"""Distillation with data: a Keras model with a `train_step` of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dfad_tf.compute import replicas
from dfad_tf.compute.keras_internals import compiled_metrics, loss_tracker
from dfad_tf.compute.optimizers import apply_gradients
from dfad_tf.distillation.compatibility import check_labelled, check_student
from dfad_tf.distillation.distillation_model import DistillationModel
from dfad_tf.graphs.layer_outputs import layer_outputs
from dfad_tf.graphs.training_form import TrainingForm
from dfad_tf.methods.supervised_objectives import Comparison, SupervisedObjective
from dfad_tf.teachers.teacher_signals import TeacherSignals
from dfad_tf.utils.errors import InputError


class SupervisedDistiller(DistillationModel):
    """Train a student on labelled images, by the weighted sum of several objectives.

    The objectives compare labels, logits and feature maps with those of a frozen teacher in
    inference mode, as published methods with data do. The class does not extend
    `keras.distillation.Distiller`, which runs the student twice to compare maps, and whose
    evaluation changes batch statistics.

    Args:
        teacher: A classifier; its `trainable` is set to False.
        student: A classifier with the same input, whose outputs are logits.
        objectives: Terms of the loss. If no term reads the student's logits, only the layers
            up to the compared maps are trained.
        teacher_layers: Names of the teacher's layers whose maps the objectives compare.
        student_layers: Names of the student's layers, in the order of `teacher_layers`.
        precision: Keras dtype policy of the training computations. None uses the policy of
            each layer.

    Raises:
        InputError: If the shapes of student and teacher differ, or a layer does not exist.

    Example:

    >>> terms = [supervised_objectives.LabelObjective()]
    >>> distiller = SupervisedDistiller(teacher, student, terms)
    >>> distiller.compile("adam", metrics=["accuracy"])
    >>> history = distiller.fit(images, labels, epochs=2, verbose=0)
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
                "Received: none"
            )
        teacher.trainable = False
        self.teacher, self.student = teacher, student
        self.objectives = tuple(objectives)
        # An attribute, so that Keras saves and restores networks trained beside the student.
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
        self.built = True  # All networks are.

    def compile(
        self,
        optimizer: str | keras.optimizers.Optimizer = "adam",
        metrics: Sequence[str | keras.metrics.Metric] | None = None,
        **arguments: Any,
    ) -> None:
        """Set the optimizer and the metrics.

        Args:
            optimizer: The student's optimizer, by name or as an object.
            metrics: Metrics of the student on `validation_data`.
            **arguments: As for `keras.Model.compile`, such as `jit_compile`.
        """
        super().compile(optimizer, metrics=metrics, **arguments)
        # Built here: replicas cannot build it, and a backup restores only what is built.
        self.optimizer.build(self.trainable_variables)

    def fit(
        self,
        x: np.ndarray | tf.Tensor | tf.data.Dataset | None = None,
        y: np.ndarray | tf.Tensor | None = None,
        *others: Any,
        **arguments: Any,
    ) -> keras.callbacks.History:
        """Train the student on labelled images.

        Args:
            x: Images `(n, height, width, channels)` in the teacher's input range, or a dataset
                of batches `(images, labels)`.
            y: Labels `(n,)`; None if `x` is a dataset.
            *others: As for `keras.Model.fit`.
            **arguments: As for `keras.Model.fit`.

        Returns:
            A `History` with the loss and its terms.

        Raises:
            InputError: If images or labels are missing, or the model is not compiled.
        """
        self._check_compiled("fit")
        check_labelled(x, y, "train the student on: call fit(x, y) or fit(dataset)")
        return super().fit(x, y, *others, **arguments)

    @property
    def trainable_variables(self) -> list[keras.Variable]:
        """The student's variables that the objectives depend on, and their networks' variables."""
        networks = [*([self.form.network] if self.form else []), *self.networks]
        return [variable for network in networks for variable in network.trainable_variables]

    trainable_weights = trainable_variables

    def train_step(self, data: tuple[tf.Tensor, ...]) -> dict[str, tf.Tensor]:
        """Take one step on labelled images.

        Args:
            data: Images `(batch, height, width, channels)` and labels `(batch,)`.

        Returns:
            The means since the beginning of the epoch, by the names of the metrics.

        Raises:
            InputError: If there are sample weights.
        """
        images, labels, weights = keras.utils.unpack_x_y_sample_weight(data)
        if weights is not None:
            raise InputError("Expected images and labels. Received: sample weights as well")
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

    def networks_by_role(self) -> dict[str, keras.Model]:
        networks = {network.name: network for network in self.networks}
        return {"teacher": self.teacher, "student": self.student, **networks}

    def trackers(self) -> list[keras.metrics.Metric]:
        return [loss_tracker(self), *self.term_metrics]

    def state_parts(self) -> dict[str, list[keras.Variable | tf.Variable]]:
        return {
            "student": self.student.variables,
            "networks": [variable for network in self.networks for variable in network.variables],
            "optimizer": self.optimizer.variables,
            "metrics": [variable for t in self.trackers() for variable in t.variables],
        }

    def test_step(self, data: tuple[tf.Tensor, ...]) -> dict[str, tf.Tensor]:
        """Measure the student in inference mode, without the teacher."""
        images, labels, weights = keras.utils.unpack_x_y_sample_weight(data)
        logits = tf.cast(self.student(images, training=False), tf.float32)
        metrics = compiled_metrics(self)
        if metrics is None:
            return {}
        metrics.update_state(labels, logits, sample_weight=weights)
        return replicas.to_log(dict(metrics.result()))

    @property
    def own_metrics(self) -> list[keras.metrics.Metric]:
        return self.term_metrics
