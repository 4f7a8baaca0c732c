"""The three networks of a data-free distillation as one Keras model: state, metrics, saving."""

from __future__ import annotations

import dataclasses
from typing import Any, TypeVar

import keras
import tensorflow as tf

from dfad_tf.compute import keras_internals, replicas
from dfad_tf.compute.batch_statistics import as_in_training
from dfad_tf.compute.randomness import stateless_latent
from dfad_tf.data.pixel_contract import PixelContract
from dfad_tf.distillation.distillation_model import DistillationModel
from dfad_tf.distillation.generated_validation import GeneratedValidation, in_batches
from dfad_tf.distillation.training_images import TrainingImages
from dfad_tf.distillation.training_metrics import TrainingMetrics
from dfad_tf.methods.method import Method
from dfad_tf.teachers.teacher_signals import TeacherSignals

_NETWORKS = ("teacher", "student", "generator")
_TRAINED = ("student", "generator", "optimizer", "generator_optimizer")
Model = TypeVar("Model", bound="DataFreeModel")


class DataFreeModel(DistillationModel):
    """What Keras, callbacks and backups need of a data-free distiller; it has no train step.

    Attributes:
        teacher: The frozen teacher.
        generator: The network that `generator_optimizer` trains.
        features: Name of the teacher's layer that R_m reads; None for the penultimate layer.
        contract: Pixels that the teacher expects; None where no part needs them.
        signals: The teacher's answers.
        method: The method, set by `compile`.
        sampler: The source of training images, set by `compile`.
        generator_optimizer: The generator's optimizer, set by `compile`.
        generated_validation: The callback that measures the student on held-out generated
            images; None if `fit` was called without it.
    """

    teacher: keras.Model
    generator: keras.Model
    features: str | None
    contract: PixelContract | None
    signals: TeacherSignals
    sampler: TrainingImages
    generator_optimizer: keras.optimizers.Optimizer
    method: Method
    generated_validation: GeneratedValidation | None = None
    _trackers: TrainingMetrics

    def test_step(self, data: tuple[tf.Tensor, ...]) -> dict[str, tf.Tensor]:
        """Measure the student on labelled images, and its agreement with the teacher."""
        images, labels, weights = keras.utils.unpack_x_y_sample_weight(data)
        logits, results = tf.cast(self.student(images, training=False), tf.float32), {}
        metrics = keras_internals.compiled_metrics(self)
        if metrics is not None:
            metrics.update_state(labels, logits, sample_weight=weights)
            results.update(metrics.result())
        same = tf.argmax(logits, -1) == tf.argmax(self.signals(images)[0], -1)
        self._trackers.agreement.update_state(tf.cast(same, tf.float32))
        return replicas.to_log({**results, "test_agreement": self._trackers.agreement.result()})

    def example_images(self, count: int, key: tf.Tensor) -> tf.Tensor:
        """Return images as the generator makes them now, or stored ones if it has no weights.

        Args:
            count: Number of images.
            key: From `randomness.stateless_seed`.

        Returns:
            `(count, height, width, channels)`, in the teacher's input range.
        """
        memory = self.sampler.memory
        if memory and not self.generator.weights:
            return memory.draw(count, key)[0]
        latent = stateless_latent(count, self.generator.input_shape[-1], key)
        shape = self.generator.output_shape[1:]
        return in_batches(lambda batch: as_in_training(self.generator, batch), latent, shape)

    def networks_by_role(self) -> dict[str, keras.Model]:
        return {name: getattr(self, name) for name in _NETWORKS}

    def trackers(self) -> list[keras.metrics.Metric]:
        return [keras_internals.loss_tracker(self), *self._trackers.of_images()]

    def reseed(self, attempt: int) -> None:
        self.sampler.attempt = attempt

    def optimizers_by_network(self) -> dict[str, keras.optimizers.Optimizer]:
        return {"student": self.optimizer, "generator": self.generator_optimizer}

    def state_parts(self) -> dict[str, list[keras.Variable | tf.Variable]]:
        held_out = self.generated_validation
        return {
            **{name: getattr(self, name).variables for name in _TRAINED},
            "metrics": [variable for t in self.trackers() for variable in t.variables],
            "memory": self.sampler.memory.variables if self.sampler.memory else [],
            "objectives": [v for t in self.method.generator_objectives for v in t.variables],
            "validation": held_out.variables() if held_out else [],
        }

    @property
    def own_metrics(self) -> list[keras.metrics.Metric]:
        return self._trackers.all()

    def get_config(self) -> dict[str, Any]:
        serialize = keras.saving.serialize_keras_object
        return {
            **super().get_config(),
            **{name: serialize(getattr(self, name)) for name in _NETWORKS},
            "features": self.features,
            "contract": dataclasses.asdict(self.contract) if self.contract else None,
        }

    @classmethod
    def from_config(
        cls: type[Model], config: dict[str, Any], custom_objects: dict[str, type] | None = None
    ) -> Model:
        del custom_objects
        for network in _NETWORKS:
            config[network] = keras.saving.deserialize_keras_object(config[network])
        if config.get("contract"):
            contract = config["contract"]
            config["contract"] = PixelContract(
                contract["range"],
                tuple(contract["mean"]),
                tuple(contract["std"]),
                contract["source"],
            )
        return cls(**config)
