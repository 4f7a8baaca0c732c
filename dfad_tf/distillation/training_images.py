"""The student's training images: fresh ones from the generator, and past ones from a memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import tensorflow as tf

from dfad_tf.compute import replicas
from dfad_tf.compute.pipelines import without_autotune
from dfad_tf.data.batch_augmentation import augment_batch, mix_batch
from dfad_tf.data.pixel_contract import PixelContract
from dfad_tf.data.pixel_tensors import StoredPixels
from dfad_tf.distillation.image_memory import ImageMemory
from dfad_tf.distillation.procedural_pool import ProceduralPool
from dfad_tf.graphs.training_form import TrainingForm
from dfad_tf.methods.interpolation import VirtualInterpolation
from dfad_tf.methods.method import BatchParts, Method
from dfad_tf.synthesis.generators.pixels import is_pixel_generator, pixel_latents
from dfad_tf.synthesis.latent_draws import LatentDraws
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


class TrainingImages(LatentDraws):
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
        super().__init__(generator, int(signals.teacher.output_shape[-1]), seed)
        self.signals, self.method, self.map_count = signals, method, map_count
        shape = generator.network.output_shape[1:]
        self._contract = contract
        self.memory: ImageMemory | None = None
        if method.memory_size:
            # The teacher answers redrawn images itself, so rounding them does no harm.
            pixels = StoredPixels(self.contract) if method.redraws else None
            self.memory = ImageMemory(method.memory_size, shape, self.num_classes, pixels)
        self.procedural: ProceduralPool | None = None
        if method.procedural_size:
            size, crop = method.procedural_size, method.synthesis_augmentation
            self.procedural = ProceduralPool(size, shape, self.contract, seed, crop)

    @property
    def contract(self) -> PixelContract:
        """The pixels that the teacher expects, for as many channels as its images have."""
        if self._contract is None:
            self._contract = detect_contract(self.signals.teacher)
        return self._contract.for_channels(self.signals.teacher.input_shape[-1])

    def latents(
        self,
        batch_size: int,
        stream: str,
        step: tf.Tensor | int,
        labels: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Draw latents; those of a pixel generator are procedural images, where there are any.

        An image that is synthesized for a class starts from one which the teacher puts into it.
        """
        network = self.generator.network
        if self.procedural is None or not is_pixel_generator(network):
            return super().latents(batch_size, stream, step, labels)
        key = self.key(stream, step)
        images = augment_batch(
            self.procedural.draw(batch_size, key, labels), key, self.method.image_augmentation
        )
        return pixel_latents(network, images)

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
        if not self.parts(count).fresh:
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
        parts = self.parts(batch_size)
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

    def drawn(self, batch_size: int, step: tf.Tensor | int) -> TrainingBatch:
        """Return the batch of a student step without fresh images.

        Args:
            batch_size: Images in a batch of each replica.
            step: The student optimizer's `iterations`.
        """
        batches = self._drawn_batches(self.parts(batch_size), self.key("memory", step))
        return tf.nest.map_structure(lambda *each: tf.concat(each, 0), *batches)

    def parts(self, batch_size: int) -> BatchParts:
        """Return the sources of a replica's batch, rounded for the global batch."""
        devices = replicas.count()
        return BatchParts(*(n // devices for n in self.method.batch_parts(batch_size * devices)))

    def _drawn_batches(self, parts: BatchParts, key: tf.Tensor) -> list[TrainingBatch]:
        """Return the stored and the procedural images of a batch, and the teacher's answers."""
        drawn, answered = [], []
        if self.memory and parts.stored and self.method.redraws:
            drawn.append(self.memory.draw_evenly(parts.stored, key))
        elif self.memory and parts.stored:
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
