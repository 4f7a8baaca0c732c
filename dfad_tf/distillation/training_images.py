"""The student's training images: fresh ones from the generator, and past ones from a memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import tensorflow as tf

from dfad_tf.compute import replicas
from dfad_tf.compute.pipelines import without_autotune
from dfad_tf.compute.randomness import stateless_latent, stateless_seed
from dfad_tf.data.batch_augmentation import augment_batch, mix_batch
from dfad_tf.data.pixel_contract import PixelContract
from dfad_tf.distillation.image_memory import ImageMemory
from dfad_tf.distillation.procedural_pool import ProceduralPool
from dfad_tf.graphs.training_form import TrainingForm
from dfad_tf.methods.interpolation import VirtualInterpolation
from dfad_tf.methods.method import BatchParts, Method
from dfad_tf.synthesis.target_labels import even_labels, with_labels
from dfad_tf.teachers.pixel_detection import detect_contract
from dfad_tf.teachers.teacher_signals import TeacherSignals


class TrainingBatch(NamedTuple):
    """Images and the teacher's answers, for one step of the student.

    Attributes:
        images: `(batch, height, width, channels)`.
        logits: The teacher's logits, `(batch, classes)`.
        maps: Feature maps of the teacher's layers, `(batch, height, width, channels)` each; empty
            unless the student's loss compares them.
    """

    images: tf.Tensor
    logits: tf.Tensor
    maps: tuple[tf.Tensor, ...] = ()


class TrainingImages:
    """Generate images, evaluate the teacher on them, and return batches for the student.

    Args:
        generator: The generator in the form that training runs.
        signals: The teacher's signals.
        method: Sets where the student's images come from, and how they are altered.
        seed: Seed of all noise.
        contract: Pixels that the teacher expects, for procedural images; None detects them.
        map_count: Number of the watched activations that are maps for the student's loss. They
            are the first ones.

    Attributes:
        memory: Stored images; None if the method stores none.
        procedural: Procedural images; None if the method has none.
        attempt: Number of rollbacks of the run. Each attempt draws other noise.
    """

    def __init__(
        self,
        generator: TrainingForm,
        signals: TeacherSignals,
        method: Method,
        seed: int,
        contract: PixelContract | None = None,
        map_count: int = 0,
    ) -> None:
        self.generator, self.signals, self.method = generator, signals, method
        self.seed, self.map_count, self.attempt = seed, map_count, 0
        shape = generator.network.output_shape[1:]
        self.memory: ImageMemory | None = None
        if method.memory_size:
            self.memory = ImageMemory(method.memory_size, shape, self.classes)
        self.procedural: ProceduralPool | None = None
        if method.procedural_size:
            contract = contract or detect_contract(signals.teacher)
            self.procedural = ProceduralPool(method.procedural_size, shape, contract, seed)

    @property
    def classes(self) -> int:
        """Number of the teacher's classes."""
        return int(self.signals.teacher.output_shape[-1])

    def key(self, stream: str, step: tf.Tensor | int) -> tf.Tensor:
        """Return the key of a draw at a step; see `randomness.stateless_seed`."""
        return stateless_seed(self.seed, stream, step, self.attempt)

    def labels(self, batch_size: int, step: tf.Tensor | int) -> tf.Tensor:
        """Return the classes that a generator step synthesizes images for, int32 `(batch,)`."""
        return replicas.own(even_labels(batch_size * replicas.count(), self.classes, step))

    def generate(
        self,
        batch_size: int,
        stream: str,
        step: tf.Tensor | int,
        labels: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Generate images from noise that depends on stream and step alone.

        Args:
            batch_size: Images on each replica.
            stream: A name in `randomness.STREAMS`.
            step: An optimizer's `iterations`.
            labels: Classes for a conditional generator, `(batch,)`; None for random ones.

        Returns:
            Images `(batch, height, width, channels)`.
        """
        key = self.key(stream, step)
        length = self.generator.network.input_shape[-1]
        latent = stateless_latent(batch_size * replicas.count(), length, key)
        latent = replicas.own(latent)
        if labels is not None:
            latent = with_labels(latent, self.generator.network, labels)
        return self.generator(latent, training=True)

    def observe(self, images: tf.Tensor) -> TrainingBatch:
        """Evaluate the teacher on images `(batch, height, width, channels)`."""
        answers = self.signals.observe(images)
        return TrainingBatch(images, answers.logits, answers.activations[: self.map_count])

    def shared(
        self, source: str, generated: TrainingBatch | None, step: tf.Tensor | int
    ) -> TrainingBatch | None:
        """Return the batch that all student steps of a train step learn from.

        Args:
            source: `Method.image_source`.
            generated: The batch of the generator's step, if that step comes first.
            step: The generator optimizer's `iterations` before that step.

        Returns:
            The batch, or None if the student learns from fresh or stored images alone.
        """
        if source == "fresh" or generated is None:
            return None
        count = generated.images.shape[0]
        if not self._parts(count).fresh:
            return None
        if source == "same_images":
            return generated
        return self.observe(self.generate(count, "generator", step))

    def batches(
        self,
        batch_size: int,
        count: int,
        step: tf.Tensor | int,
        shared: TrainingBatch | None = None,
    ) -> Iterator[TrainingBatch]:
        """Yield the batch of each student step of a train step.

        The generator does not change between student steps, so the fresh images of all of them
        are generated, and the teacher is evaluated on them, in one pass.

        Args:
            batch_size: Images in a batch of each replica.
            count: Number of batches.
            step: The student optimizer's `iterations` before the first batch.
            shared: Images that all student steps learn from, instead of fresh ones.

        Yields:
            Images and the teacher's answers.
        """
        # A copy, because the student's steps increment the counter between two batches.
        step = tf.identity(tf.convert_to_tensor(step))
        parts = self._parts(batch_size)
        fresh: list[TrainingBatch] = []
        if parts.fresh:
            if shared:
                first = tf.nest.map_structure(lambda tensor: tensor[: parts.fresh], shared)
                fresh = [first] * count
            else:
                generated = self.observe(self.generate(count * parts.fresh, "student", step))
                fresh = _split(generated, count)
        for index in range(count):
            batches = fresh[index : index + 1]
            if parts.fresh < batch_size:
                batches = batches + self._drawn_batches(parts, self.key("memory", step + index))
            yield tf.nest.map_structure(lambda *each: tf.concat(each, 0), *batches)

    def _parts(self, batch_size: int) -> BatchParts:
        """Return the sources of a replica's batch, rounded for the global batch."""
        devices = replicas.count()
        return BatchParts(*(n // devices for n in self.method.batch_parts(batch_size * devices)))

    def _drawn_batches(self, parts: BatchParts, key: tf.Tensor) -> list[TrainingBatch]:
        """Return the stored and the procedural images of a batch, and the teacher's answers."""
        drawn, answered = [], []
        if self.memory and self.method.redraws:
            drawn.append(self.memory.draw_evenly(parts.stored, key))
        elif self.memory:
            images, logits = self.memory.draw(parts.stored, key)
            # Maps are not stored, because they are larger than images.
            maps = self.observe(images).maps if self.map_count else ()
            answered.append(TrainingBatch(images, logits, maps))
        if self.procedural:
            drawn.append(self.procedural.draw(parts.procedural, key))
        if not drawn:
            return answered
        images = augment_batch(tf.concat(drawn, 0), key, self.method.image_augmentation)
        return [*answered, self.observe(mix_batch(images, key, self.method.mixed_share))]

    def student_batches(
        self,
        images: tf.Tensor,
        logits: tf.Tensor,
        interpolation: VirtualInterpolation | None,
        step: tf.Tensor | int,
    ) -> list[tuple[tf.Tensor, tf.Tensor, float]]:
        """Return the batches of one student step, virtual images included.

        Args:
            images: Plain images `(batch, height, width, channels)`.
            logits: The teacher's logits for them, `(batch, classes)`.
            interpolation: Adds virtual images, or replaces plain ones by them; None for neither.
            step: The student optimizer's `iterations`.

        Returns:
            Batches of images, their target logits, and their weight in the loss.
        """
        if interpolation is None:
            return [(images, logits, 1.0)]
        partners = None
        if interpolation.partner == "fresh":
            count = interpolation.local_count(images.shape[0])
            partners = self.observe(self.generate(count, "partner", step))[:2]
        key = self.key("interpolation", step)
        return interpolation.interpolated_batches(
            images, logits, key, partners, lambda virtual: self.signals(virtual)[0]
        )


def _split(batch: TrainingBatch, count: int) -> list[TrainingBatch]:
    parts = [tf.split(tensor, count) for tensor in tf.nest.flatten(batch)]
    return [tf.nest.pack_sequence_as(batch, part) for part in zip(*parts, strict=True)]


def endless_batches(batch_size: int) -> tf.data.Dataset:
    """Return the data set for `keras.Model.fit`: endless batches of which only the size is read.

    Args:
        batch_size: Images in a batch, over all replicas; a strategy splits the batch.
    """
    batches = tf.data.Dataset.from_tensors(0.0).repeat().batch(batch_size, drop_remainder=True)
    return without_autotune(batches)
