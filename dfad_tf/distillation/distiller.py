"""Distillation without data: a Keras model with a `train_step` of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dfad_tf import methods
from dfad_tf.compute import keras_internals, replicas
from dfad_tf.compute.optimizers import apply_gradients, with_loss_scaling
from dfad_tf.compute.pipelines import in_batches
from dfad_tf.compute.precision import resolve_precision
from dfad_tf.data.pixel_contract import PixelContract
from dfad_tf.distillation.compatibility import (
    check_counts,
    check_features,
    check_fit,
    check_no_data,
)
from dfad_tf.distillation.data_free_model import DataFreeModel
from dfad_tf.distillation.generated_validation import GeneratedValidation
from dfad_tf.distillation.synthesizer_builder import build_synthesizer
from dfad_tf.distillation.training_images import TrainingBatch, TrainingImages, endless_batches
from dfad_tf.distillation.training_metrics import TrainingMetrics, class_entropy
from dfad_tf.distillation.watched_layers import WatchedLayers
from dfad_tf.graphs.training_form import TrainingForm
from dfad_tf.methods.method import Method
from dfad_tf.teachers.teacher_signals import TeacherSignals


@keras.saving.register_keras_serializable("dfad_tf")
class DataFreeDistiller(DataFreeModel):
    """Distill a teacher into a student, on images that a generator synthesizes.

    In each train step the student descends `student_steps` times on its discrepancy to the
    teacher, and then the generator takes one step that increases the discrepancy. The order is
    reversed if the student learns from the images of the generator's step. The teacher is frozen,
    runs in inference mode and belongs to no optimizer. Generator and student run in training
    mode in both kinds of step, as in the published code. Unlike there, the fresh images of all
    student steps are generated in one batch, and the student sees plain and virtual images in
    one batch.

    Args:
        teacher: A classifier with one input and outputs `(batch, classes)`, logits or
            probabilities. Its `trainable` is set to False.
        student: A classifier with the same input, whose outputs are logits.
        generator: A model from latents `(batch, latent)` to the teacher's input.
        features: Name of the teacher's layer that R_m reads. None selects the penultimate layer.
        contract: Pixels that the teacher expects, for procedural images. None detects them.
        name: Name of the model.
        **arguments: As for `keras.Model`.

    Raises:
        InputError: If the shapes of the three networks do not match.

    Example:

    >>> distiller = DataFreeDistiller(teacher, student, generator)
    >>> distiller.compile("adam", "adam", method="proposed")
    >>> history = distiller.fit(batch_size=8, epochs=2, steps_per_epoch=2, verbose=0)
    >>> distiller.student.save("student.keras")

    Reference:
        Qu, Wang and Xiao, arXiv 2102.11638; Fang et al., arXiv 1912.11006.
    """

    def __init__(
        self,
        teacher: keras.Model,
        student: keras.Model,
        generator: keras.Model,
        features: str | None = None,
        contract: PixelContract | None = None,
        name: str = "data_free_distiller",
        **arguments: Any,
    ) -> None:
        super().__init__(name=name, **arguments)
        check_fit(teacher, student, generator)
        teacher.trainable = False
        self.teacher, self.student, self.generator = teacher, student, generator
        self.features, self.contract = features, contract
        self.signals = TeacherSignals(teacher, features)
        self.built = True  # All three networks are.

    def compile(
        self,
        optimizer: str | keras.optimizers.Optimizer = "adam",
        generator_optimizer: str | keras.optimizers.Optimizer = "adam",
        method: str | Method = "proposed",
        metrics: Sequence[str | keras.metrics.Metric] | None = ("accuracy",),
        seed: int = 0,
        precision: str | None = None,
        **arguments: Any,
    ) -> None:
        """Set the optimizers and the method.

        Args:
            optimizer: The student's optimizer, by name or as an object.
            generator_optimizer: The generator's optimizer, by name or as an object.
            method: A name in `methods.METHODS`, or a `Method`.
            metrics: Metrics of the student on `validation_data`.
            seed: Seed of all noise, from 0 to 2³¹ − 1.
            precision: Keras dtype policy of the training computations, such as
                `"mixed_bfloat16"`; the networks keep their own. None uses the policy of each
                layer, `"auto"` uses bfloat16 if the device is faster with it.
            **arguments: As for `keras.Model.compile`, such as `jit_compile`. With
                `mixed_float16` the losses of both optimizers are scaled.

        Raises:
            InputError: If the method or the precision is unknown, if the method needs features
                that the teacher does not have, or if the device does not support the precision.
        """
        method = methods.get(method)
        check_features(method, self.signals)
        with self.distribute_strategy.scope():
            precision = resolve_precision(precision)
            optimizer = with_loss_scaling(optimizer, precision == "mixed_float16")
            super().compile(optimizer, metrics=list(metrics) if metrics else None, **arguments)
            scaled = isinstance(self.optimizer, keras.optimizers.LossScaleOptimizer)
            self.generator_optimizer = with_loss_scaling(generator_optimizer, scaled)
            self.method, self.seed = method, seed
            # Built here, because a backup restores only optimizers that are built.
            self.optimizer.build(self.student.trainable_variables)
            self.generator_optimizer.build(self.generator.trainable_variables)
            self._trackers = TrainingMetrics(method)
            self.student_form = TrainingForm(self.student, precision)
            self.watched = WatchedLayers(method, self.signals, self.student, precision)
            generator, signals = TrainingForm(self.generator, precision), self.watched.signals
            maps = self.watched.map_count
            self.sampler = TrainingImages(generator, signals, method, seed, self.contract, maps)
            self.synthesizer = build_synthesizer(
                method, self.sampler, self.watched, self.student_form, self.generator_optimizer
            )
        self.compile_arguments = {
            "optimizer": self.optimizer,
            "generator_optimizer": self.generator_optimizer,
            "method": method,
            "metrics": metrics,
            "seed": seed,
            "precision": precision,
            **arguments,
        }

    @property
    def trainable_variables(self) -> list[keras.Variable]:
        """The variables of `optimizer`: the student's. Keras's callbacks rely on this."""
        return self.student.trainable_variables

    trainable_weights = trainable_variables

    def fit(
        self,
        x: None = None,
        y: None = None,
        *,
        batch_size: int = 256,
        epochs: int = 1,
        steps_per_epoch: int = 50,
        validation_data: tf.data.Dataset | tuple[np.ndarray, np.ndarray] | None = None,
        validation_batch_size: int = 1000,
        held_out_images: int = 1024,
        callbacks: Sequence[keras.callbacks.Callback] | keras.callbacks.Callback | None = None,
        **arguments: Any,
    ) -> keras.callbacks.History:
        """Distill on generated images, without training data.

        Args:
            x: Must be None, because the generator synthesizes the images.
            y: Must be None.
            batch_size: Images in a batch, over all replicas.
            epochs: Number of epochs.
            steps_per_epoch: Generator steps in an epoch, each with its `student_steps`.
            validation_data: `(images, labels)` or a dataset of such batches, in the teacher's
                input range. The student is measured on it and never trained on it.
            validation_batch_size: Batch size for `validation_data`.
            held_out_images: Number of generated images on which student and teacher are
                compared; 0 disables the comparison.
            callbacks: As for `keras.Model.fit`. They find `val_agreement` in their logs.
            **arguments: `verbose`, `validation_freq` and others, as for `keras.Model.fit`.

        Returns:
            A `History`. `loss` is the student's loss, `class_entropy` measures how evenly the
            generated images cover the teacher's classes (1: all classes equally).

        Raises:
            InputError: If there are training data, if the model is not compiled, or if a number
                is out of range.
        """
        check_no_data(x, y)
        self._check_compiled("fit")
        check_counts(batch_size=batch_size, epochs=epochs, steps_per_epoch=steps_per_epoch)
        devices = self.distribute_strategy.num_replicas_in_sync
        replicas.check_shares(batch_size, self.method.shared_counts(batch_size), devices)
        if isinstance(validation_data, (tuple, list)):
            validation_data = in_batches(tuple(validation_data), validation_batch_size)
        if self.sampler.procedural:
            self.sampler.procedural.fill(self.signals)
        callbacks = tf.nest.flatten(callbacks) if callbacks else []
        self.generated_validation = None
        if held_out_images:
            self.generated_validation = GeneratedValidation(held_out_images)
            callbacks.insert(0, self.generated_validation)
        return super().fit(
            endless_batches(batch_size),
            epochs=epochs,
            steps_per_epoch=steps_per_epoch,
            validation_data=validation_data,
            validation_batch_size=validation_batch_size,
            shuffle=False,
            callbacks=callbacks,
            **arguments,
        )

    def train_step(self, data: tf.Tensor) -> dict[str, tf.Tensor]:
        """Take `student_steps` student steps and one generator step.

        Args:
            data: Any tensor of shape `(batch, …)`; only the batch size is read.

        Returns:
            The means since the beginning of the epoch, by the names of the metrics.
        """
        batch_size, step = data.shape[0], self.optimizer.iterations
        key = tf.identity(tf.convert_to_tensor(self.generator_optimizer.iterations))
        first = self.sampler.memory or self.method.image_source != "fresh"
        generated = self.generator_step(batch_size) if first else None
        shared = self.sampler.shared(self.method.image_source, generated, key)
        count = self.method.student_steps
        if count > 1 and replicas.count() == 1 and not self.sampler.parts(batch_size).fresh:
            self._student_loop(batch_size, count)
        else:
            for batch in self.sampler.batches(batch_size, count, step, shared):
                self._learn(batch)
        if not first:
            self.generator_step(batch_size)
        return replicas.to_log(self.get_metrics_result())

    def _student_loop(self, batch_size: int, count: int) -> None:
        """Take student steps without fresh images in a loop of the graph: tracing stays short."""

        def body(index: tf.Tensor) -> tuple[tf.Tensor]:
            self._learn(self.sampler.drawn(batch_size, self.optimizer.iterations))
            return (index + 1,)

        tf.while_loop(lambda i: i < count, body, (tf.constant(0),), parallel_iterations=1)

    def _learn(self, batch: TrainingBatch) -> None:
        self._trackers.class_entropy.update_state(class_entropy(batch.logits))
        self.student_step(*batch)

    def student_step(
        self, images: tf.Tensor, logits: tf.Tensor, maps: tuple[tf.Tensor, ...] = ()
    ) -> None:
        """Take one step of the student.

        Args:
            images: `(batch, height, width, channels)`.
            logits: The teacher's logits for them, `(batch, classes)`.
            maps: The teacher's feature maps, if the student's loss compares them.
        """
        blend, step = self.method.interpolation, self.optimizer.iterations
        feature_loss, form = self.method.feature_loss, self.watched.student_maps
        batches = self.sampler.student_batches(images, logits, blend, step)
        with tf.GradientTape() as tape:
            outputs = (form or self.student_form)(tf.concat([b[0] for b in batches], 0), True)
            students = outputs["logits"] if form else outputs
            students = tf.split(tf.cast(students, tf.float32), [b[1].shape[0] for b in batches])
            losses = [
                weight * tf.reduce_mean(self.method.discrepancy.call(target, student))
                for (_, target, weight), student in zip(batches, students, strict=True)
            ]
            if feature_loss and form:
                student_maps = [tensor[: images.shape[0]] for tensor in outputs["maps"]]
                losses.append(feature_loss.weight * feature_loss(maps, student_maps))
            loss = tf.add_n(losses)
            scaled = self.optimizer.scale_loss(loss / replicas.count())
        variables = self.student.trainable_variables
        apply_gradients(self.optimizer, tape.gradient(scaled, variables), variables)
        keras_internals.loss_tracker(self).update_state(loss)

    def generator_step(self, batch_size: int) -> TrainingBatch:
        """Synthesize a batch, and train the generator on it.

        Args:
            batch_size: Images on each replica.

        Returns:
            The batch as the teacher saw it, with its answers.
        """
        images, score = self.synthesizer.update(batch_size)
        if self.sampler.memory:
            self.sampler.memory.add(images, score.logits)
        self._trackers.update_generator(score.loss, score.values, images)
        maps = score.activations[: self.watched.map_count]
        return TrainingBatch(score.images, score.logits, maps)
