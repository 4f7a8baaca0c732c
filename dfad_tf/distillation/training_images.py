"""Where the student's images come from: the generator, and its past."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import tensorflow as tf

from dfad_tf.compute import replicas
from dfad_tf.compute.pipelines import without_autotune
from dfad_tf.compute.randomness import stateless_latent, stateless_seed
from dfad_tf.distillation.image_memory import ImageMemory
from dfad_tf.graphs.training_form import TrainingForm
from dfad_tf.methods.interpolation import VirtualInterpolation
from dfad_tf.methods.method import memory_count
from dfad_tf.teachers.teacher_signals import TeacherSignals


class TrainingBatch(NamedTuple):
    """What one student step learns from.

    Attributes:
        images: `(batch, height, width, channels)`.
        logits: The teacher's, `(batch, classes)`.
        maps: Of the teacher's layers, `(batch, height, width, channels)` each; none unless
            the student's loss compares them.
    """

    images: Any
    logits: Any
    maps: tuple[Any, ...] = ()


class TrainingImages:
    """Generate images, ask the teacher about them, and hand them to the student in batches.

    Args:
        generator: The generator as training runs it.
        signals: The teacher's answers.
        seed: Seed of all noise.
        map_count: How many of the activations that the signals watch are maps for the
            student's loss; they come first.
    """

    def __init__(
        self, generator: TrainingForm, signals: TeacherSignals, seed: int, map_count: int = 0
    ) -> None:
        self.generator, self.signals, self.seed = generator, signals, seed
        self.map_count = map_count
        self.memory: ImageMemory | None = None
        self.memory_share = 0.0
        self.attempt = 0  # times that the run has gone back, each of which meets other noise

    def remember(self, size: int, share: float) -> None:
        """Keep the images of the generator's steps for the student.

        Args:
            size: Images kept.
            share: Share of the student's batch that comes from them.
        """
        network = self.generator.network
        classes = self.signals.teacher.output_shape[-1]
        self.memory = ImageMemory(size, network.output_shape[1:], classes)
        self.memory_share = share

    def generate(self, batch_size: int, stream: str, step: Any) -> Any:
        """Return images `(batch, height, width, channels)`, a function of stream and step.

        Args:
            batch_size: Images wanted on each replica.
            stream: A name of `randomness.STREAMS`.
            step: An optimizer's `iterations`.
        """
        key, length = (
            stateless_seed(self.seed, stream, step, self.attempt),
            self.generator.network.input_shape[-1],
        )
        latent = stateless_latent(batch_size * replicas.count(), length, key)
        return self.generator(replicas.own(latent), training=True)

    def observe(self, images: Any) -> TrainingBatch:
        """Show images to the teacher."""
        answers = self.signals.observe(images)
        return TrainingBatch(images, answers.logits, answers.activations[: self.map_count])

    def shared(self, source: str, made: TrainingBatch | None, step: Any) -> TrainingBatch | None:
        """Return what all student steps of a train step learn from alike; None: fresh images.

        Args:
            source: `Method.image_source`.
            made: What the generator's step, gone first, has made.
            step: The generator optimizer's `iterations` before that step.
        """
        if source == "fresh" or made is None:
            return None
        count = made.images.shape[0]
        if self.memory and self._remembered_count(count) == count:
            return None
        if source == "same_images":
            return made
        return self.observe(self.generate(count, "generator", step))

    def batches(
        self, batch_size: int, count: int, step: Any, shared: TrainingBatch | None = None
    ) -> Iterator[TrainingBatch]:
        """Yield images and the teacher's answers for each of a train step's student steps.

        The generator stands still meanwhile, so fresh images are made, and shown to
        the teacher, in one pass.

        Args:
            batch_size: Images in a batch of each replica.
            count: Batches.
            step: The student optimizer's `iterations` before the first of them.
            shared: Images that all student steps learn from, in the place of fresh ones.
        """
        # Frozen: the student's steps move the counter while this generator waits.
        step = tf.identity(tf.convert_to_tensor(step))
        old_count = self._remembered_count(batch_size) if self.memory else 0
        fresh: list[TrainingBatch] = []
        if old_count < batch_size:
            wanted = batch_size - old_count
            if shared:
                fresh = [tf.nest.map_structure(lambda tensor: tensor[:wanted], shared)] * count
            else:
                made = self.observe(self.generate(count * wanted, "student", step))
                fresh = _split(made, count)
        for index in range(count):
            if not self.memory:
                yield fresh[index]
                continue
            key = stateless_seed(self.seed, "memory", step + index, self.attempt)
            old = self._remembered_batch(self.memory, old_count, key)
            if fresh:
                old = tf.nest.map_structure(lambda *pair: tf.concat(pair, 0), fresh[index], old)
            yield old

    def _remembered_count(self, batch_size: int) -> int:
        """Of a replica's batch: rounded once, for the global one."""
        return memory_count(batch_size * replicas.count(), self.memory_share) // replicas.count()

    def _remembered_batch(self, memory: ImageMemory, count: int, key: Any) -> TrainingBatch:
        images, logits = memory.draw(count, key)
        # Maps are not kept: they are larger than images.
        return TrainingBatch(images, logits, self.observe(images).maps if self.map_count else ())

    def student_batches(
        self, images: Any, logits: Any, interpolation: VirtualInterpolation | None, step: Any
    ) -> list[tuple[Any, Any, float]]:
        """Return what one student step learns from: images, target logits, weight.

        Args:
            images: Plain images `(batch, height, width, channels)`.
            logits: The teacher's logits for them `(batch, classes)`.
            interpolation: Virtual images to add or to put in their place.
            step: The student optimizer's `iterations`.
        """
        if interpolation is None:
            return [(images, logits, 1.0)]
        partners = None
        if interpolation.partner == "fresh":
            count = interpolation.local_count(images.shape[0])
            partners = self.observe(self.generate(count, "partner", step))[:2]
        key = stateless_seed(self.seed, "interpolation", step, self.attempt)
        return interpolation.interpolated_batches(
            images, logits, key, partners, lambda virtual: self.signals(virtual)[0]
        )


def _split(batch: TrainingBatch, count: int) -> list[TrainingBatch]:
    parts = [tf.split(tensor, count) for tensor in tf.nest.flatten(batch)]
    return [tf.nest.pack_sequence_as(batch, part) for part in zip(*parts, strict=True)]


def endless_batches(batch_size: int) -> tf.data.Dataset:
    """Return what `fit` is fed with: batches without end, of which only the size is read.

    Args:
        batch_size: Images in a batch, over all replicas; a strategy deals out the shares.
    """
    batches = tf.data.Dataset.from_tensors(0.0).repeat().batch(batch_size, drop_remainder=True)
    return without_autotune(batches)
