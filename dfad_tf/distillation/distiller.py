"""Distillation without data, as a Keras model with one `train_step`."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from dfad_tf import methods
from dfad_tf.compute import keras_internals, replicas
from dfad_tf.compute.optimizers import apply_gradients, with_loss_scaling
from dfad_tf.compute.pipelines import in_batches
from dfad_tf.compute.precision import resolve_precision
from dfad_tf.distillation.compatibility import check_features, check_fit
from dfad_tf.distillation.distillation_model import DistillationModel
from dfad_tf.distillation.generated_validation import GeneratedValidation
from dfad_tf.distillation.training_images import TrainingBatch, TrainingImages, endless_batches
from dfad_tf.distillation.training_metrics import TrainingMetrics, class_entropy
from dfad_tf.distillation.watched_layers import WatchedLayers
from dfad_tf.graphs.training_form import TrainingForm
from dfad_tf.methods.method import Method
from dfad_tf.synthesis.objectives import ForwardPass
from dfad_tf.teachers.teacher_signals import TeacherSignals

_NETWORKS = ("teacher", "student", "generator")
_MOVED = ("student", "generator", "optimizer", "generator_optimizer")


@keras.saving.register_keras_serializable("dfad_tf")
class DataFreeDistiller(DistillationModel):
    """Distil a teacher into a student with images that a generator invents.

    Every train step takes `student_steps` descents of the student on the
    discrepancy to the teacher, and then one step of the generator against it (first,
    where the student learns from its images). The teacher is frozen, runs in inference
    mode and is in no optimizer. Generator and student run in training mode in both kinds
    of step, as in the published code; here all fresh images of the student steps come
    in one batch, and plain and virtual ones share the student's.

    Args:
        teacher: A classifier with one input and outputs `(batch, classes)`, logits
            or probabilities. Its `trainable` is set to False.
        student: A classifier with the same input, and logits as output.
        generator: A model from latents `(batch, latent)` to the teacher's input.
        features: Layer of the teacher that R_m reads; None finds the penultimate.
        name: Name of the model.

    Raises:
        InputError: If the three do not fit each other.

    Example:

    >>> distiller = DataFreeDistiller(teacher, student, generator)
    >>> distiller.compile("adam", "adam", method="proposed")
    >>> history = distiller.fit(batch_size=256, epochs=40, steps_per_epoch=50)
    >>> distiller.student.save("student.keras")

    Reference:
        Qu, Wang and Xiao, arXiv 2102.11638; Fang et al., arXiv 1912.11006.
    """

    generated_validation: GeneratedValidation | None = None

    def __init__(
        self,
        teacher: keras.Model,
        student: keras.Model,
        generator: keras.Model,
        features: str | None = None,
        name: str = "data_free_distiller",
        **arguments: Any,
    ) -> None:
        super().__init__(name=name, **arguments)
        check_fit(teacher, student, generator)
        teacher.trainable = False
        self.teacher, self.student, self.generator = teacher, student, generator
        self.features, self.signals = features, TeacherSignals(teacher, features)
        self.built = True  # as the three networks are

    def compile(
        self,
        optimizer: Any = "adam",
        generator_optimizer: Any = "adam",
        method: str | Method = "proposed",
        metrics: Any = ("accuracy",),
        seed: int = 0,
        precision: str | None = None,
        **arguments: Any,
    ) -> None:
        """Choose the optimizers and the method.

        Args:
            optimizer: The student's optimizer, by name or as an object.
            generator_optimizer: The generator's own optimizer.
            method: A name of `methods.METHODS`, or a `Method`.
            metrics: What `validation_data` measures of the student.
            seed: Seed of all noise, from 0 to 2³¹ − 1.
            precision: Keras dtype policy to compute in, such as `"mixed_bfloat16"`; the
                networks stay as they are. None: each layer's own; `"auto"`: bfloat16 where
                the device is faster with it.
            **arguments: As for `keras.Model.compile`, such as `jit_compile`; under
                `mixed_float16` both optimizers' losses are scaled.

        Raises:
            InputError: If the method or precision is unknown, or it lacks features or a device.
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
            # Built now, since a backup restores only what is built.
            self.optimizer.build(self.student.trainable_variables)
            self.generator_optimizer.build(self.generator.trainable_variables)
            self._trackers = TrainingMetrics(method)
            self.student_form = TrainingForm(self.student, precision)
            self.watched = WatchedLayers(method, self.signals, self.student, precision)
            generator, signals = TrainingForm(self.generator, precision), self.watched.signals
            self.sampler = TrainingImages(generator, signals, seed, self.watched.map_count)
            if method.memory_size:
                self.sampler.remember(method.memory_size, method.memory_share)
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
    def trainable_variables(self) -> list[Any]:
        """What `optimizer` trains: the student's. Callbacks and resuming rely on it."""
        return self.student.trainable_variables

    trainable_weights = trainable_variables

    def fit(
        self,
        *,
        batch_size: int = 256,
        epochs: int = 1,
        steps_per_epoch: int = 50,
        validation_data: Any = None,
        validation_batch_size: int = 1000,
        held_out_images: int = 1024,
        callbacks: Any = None,
        **arguments: Any,
    ) -> keras.callbacks.History:
        """Distil; there is no `x`, since the images are invented.

        Args:
            batch_size: Images in a batch, over all replicas.
            steps_per_epoch: Steps of the generator, each with its `student_steps`.
            validation_data: `(images, labels)` or a dataset of them, in the teacher's
                input range. It is only measured, never trained on.
            validation_batch_size: Its batch size.
            held_out_images: Generated images to compare student and teacher on; 0: none.
            callbacks: As for `keras.Model.fit`; they find `val_agreement` in their logs.
            **arguments: `verbose`, `validation_freq` and others, as for `keras.Model.fit`.

        Returns:
            A `History`: `loss` is the student's, `class_entropy` how evenly the
            teacher's classes are covered (1: all equally).
        """
        devices = self.distribute_strategy.num_replicas_in_sync
        replicas.check_shares(batch_size, self.method.shared_counts(batch_size), devices)
        if isinstance(validation_data, (tuple, list)):
            validation_data = in_batches(tuple(validation_data), validation_batch_size)
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

    def train_step(self, data: Any) -> dict[str, Any]:
        """Take `student_steps` student steps and one generator step.

        Args:
            data: Any tensor of shape `(batch, …)`; only the batch size is read.
        """
        batch_size, step = data.shape[0], self.optimizer.iterations
        key = tf.identity(tf.convert_to_tensor(self.generator_optimizer.iterations))
        first = self.sampler.memory or self.method.image_source != "fresh"
        made = self.generator_step(batch_size) if first else None
        shared = self.sampler.shared(self.method.image_source, made, key)
        for batch in self.sampler.batches(batch_size, self.method.student_steps, step, shared):
            self._trackers.class_entropy.update_state(class_entropy(batch.logits))
            self.student_step(*batch)
        if not first:
            self.generator_step(batch_size)
        return replicas.to_log(self.get_metrics_result())

    def student_step(self, images: Any, logits: Any, maps: tuple[Any, ...] = ()) -> None:
        """Descend the student once on images, the teacher's logits and, if compared, its maps."""
        blend, step = self.method.interpolation, self.optimizer.iterations
        attention, form = self.method.attention, self.watched.student_maps
        parts = self.sampler.student_batches(images, logits, blend, step)
        with tf.GradientTape() as tape:
            outputs = (form or self.student_form)(tf.concat([p[0] for p in parts], 0), True)
            students = outputs["logits"] if form else outputs
            students = tf.split(tf.cast(students, tf.float32), [p[1].shape[0] for p in parts])
            losses = [
                weight * tf.reduce_mean(self.method.discrepancy.call(target, student))
                for (_, target, weight), student in zip(parts, students, strict=True)
            ]
            if attention and form:
                ours = [tensor[: images.shape[0]] for tensor in outputs["maps"]]
                losses.append(attention.weight * attention(maps, ours))
            loss = tf.add_n(losses)
            scaled = self.optimizer.scale_loss(loss / replicas.count())
        variables = self.student.trainable_variables
        apply_gradients(self.optimizer, tape.gradient(scaled, variables), variables)
        keras_internals.loss_tracker(self).update_state(loss)

    def generator_step(self, batch_size: int) -> TrainingBatch:
        """Move the generator once on a fresh batch, which is returned with the answers to it."""
        step = self.generator_optimizer.iterations
        terms, variables = self.method.generator_objectives, self.generator.trainable_variables
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([variable.value for variable in variables])
            images = self.sampler.generate(batch_size, "generator", step)
            logits, features, activations = self.sampler.signals.observe(images)
            student = None
            if any(term.needs_student for term in terms):
                student = tf.cast(self.student_form(images, training=True), tf.float32)
            statistics = self.watched.batch_norm(activations)
            forward = ForwardPass(images, logits, features, student, statistics)
            values = [term.call(forward) for term in terms]
            loss = tf.add_n([term.weight * v for term, v in zip(terms, values, strict=True)])
            scaled = self.generator_optimizer.scale_loss(loss / replicas.count())
        gradients = tape.gradient(scaled, [variable.value for variable in variables])
        apply_gradients(self.generator_optimizer, gradients, variables)
        if self.sampler.memory:
            self.sampler.memory.add(images, logits)
        self._trackers.update_generator(loss, values, images)
        return TrainingBatch(images, logits, activations[: self.watched.map_count])

    def test_step(self, data: Any) -> dict[str, Any]:
        """Measure the student on labelled images, and its agreement with the teacher."""
        images, labels, weights = keras.utils.unpack_x_y_sample_weight(data)
        logits, results = tf.cast(self.student(images, training=False), tf.float32), {}
        if (metrics := keras_internals.compiled_metrics(self)) is not None:
            metrics.update_state(labels, logits, sample_weight=weights)
            results.update(metrics.result())
        same = tf.argmax(logits, -1) == tf.argmax(self.signals(images)[0], -1)
        self._trackers.agreement.update_state(tf.cast(same, tf.float32))
        return replicas.to_log({**results, "test_agreement": self._trackers.agreement.result()})

    def trackers(self) -> list[Any]:
        return [keras_internals.loss_tracker(self), *self._trackers.of_images()]

    def reseed(self, attempt: int) -> None:
        self.sampler.attempt = attempt

    def optimizers_by_network(self) -> dict[str, Any]:
        return {"student": self.optimizer, "generator": self.generator_optimizer}

    def state_parts(self) -> dict[str, list[Any]]:
        held_out = self.generated_validation
        return {
            **{name: getattr(self, name).variables for name in _MOVED},
            "metrics": [variable for t in self.trackers() for variable in t.variables],
            "memory": self.sampler.memory.variables if self.sampler.memory else [],
            "validation": held_out.variables() if held_out else [],
        }

    @property
    def own_metrics(self) -> list[Any]:
        return self._trackers.all()

    def get_config(self) -> dict[str, Any]:
        serialize = keras.saving.serialize_keras_object
        return {
            **super().get_config(),
            **{name: serialize(getattr(self, name)) for name in _NETWORKS},
            "features": self.features,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> DataFreeDistiller:
        del custom_objects
        for network in _NETWORKS:
            config[network] = keras.saving.deserialize_keras_object(config[network])
        return cls(**config)
