"""Validation without data: the student's answers to held-out generated images."""

from __future__ import annotations

import math
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from dfad_tf.compute.randomness import stateless_seed
from dfad_tf.compute.shared_variables import shared_variable
from dfad_tf.utils.image_counts import affordable_count

_MOST_BATCH, _BATCH_PIXELS, _LEAST_BATCH = 256, 2**20, 16
_MAX_VALUES = 2**24
_DRAWING_EPOCHS = (1 / 8, 1 / 4, 1 / 2)  # As shares of all epochs.


def held_out_count(image_shape: tuple[int, int, int], most: int = 1024) -> int:
    """Return how many images are held out: fewer of large ones.

    Args:
        image_shape: `(height, width, channels)`.
        most: Number of small images.

    Example:

    >>> held_out_count((224, 224, 3))
    111
    """
    largest = _MAX_VALUES // int(np.prod(image_shape))
    return max(1 + len(_DRAWING_EPOCHS), min(most, largest))  # one a draw


class GeneratedValidation(keras.callbacks.Callback):
    """Log `val_agreement` and `val_divergence` of the student on held-out images.

    The generator draws the images at the end of several epochs, up to the middle of the run, from
    latents that training never uses. Half of the images of a draw are interpolated between two of
    its images. Images that are not drawn yet count as disagreement and as uniform answers:
    otherwise the first epochs, which are measured on the fewest images, would look best. The
    teacher is evaluated once on each image. `DataFreeDistiller.fit` inserts this callback before
    its others, so that `EarlyStopping("val_agreement", mode="max")` and `ModelCheckpoint` find
    the values in the logs.

    Args:
        count: Total number of images, at least 4. It is reduced if the images would take more
            than 64 MiB.

    Attributes:
        first_agreement: Agreement on the images of the first draw alone. These stay the same
            while others are added.
        agreement_before: The same agreement of the student before training.
    """

    images: tf.Variable
    logits: tf.Variable
    draws_done: tf.Variable

    def __init__(self, count: int = 1024) -> None:
        super().__init__()
        self.count = count
        self.first_agreement = self.agreement_before = 0.0
        self._first_student: list[np.ndarray] | None = None

    def set_model(self, model: keras.Model) -> None:
        super().set_model(model)
        if self._first_student is None:
            shape = model.generator.output_shape[1:]
            self.count = held_out_count(shape, self.count)
            classes = model.teacher.output_shape[-1]
            self.images = shared_variable(tf.zeros((self.count, *shape)))
            self.logits = shared_variable(tf.zeros((self.count, classes)))
            self.draws_done = shared_variable(tf.constant(0, tf.int64))
            # Read before a backup replaces the weights that training started with.
            self._first_student = model.student.get_weights()

    def variables(self) -> list[tf.Variable]:
        """Return the state: images, the teacher's logits, and the number of draws so far."""
        return [self.images, self.logits, self.draws_done]

    def drawing_epochs(self) -> list[int]:
        """Return the epochs, counted from 1, at whose end images are drawn."""
        epochs = self.params["epochs"]
        return sorted({1, *(max(1, round(epochs * share)) for share in _DRAWING_EPOCHS)})

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        done, epochs = self._draws_done(), self.drawing_epochs()
        if done < len(epochs) and epoch + 1 >= epochs[done]:
            self._draw(done)
            self.draws_done.assign(done + 1)
        if not done and self._first_student:
            trained = self.model.student.get_weights()
            self.model.student.set_weights(self._first_student)
            self.measure()
            self.agreement_before = self.first_agreement
            self.model.student.set_weights(trained)
        agreement, divergence = self.measure()
        if logs is not None:
            logs.update(val_agreement=agreement, val_divergence=divergence)

    def measure(self) -> tuple[float, float]:
        """Measure the student with its current weights.

        Returns:
            The share of the held-out images on which student and teacher agree, and the mean
            Kullback-Leibler divergence of the student's predictions from the teacher's, in nats.
        """
        count = self._first_of_draw(self._draws_done())
        drawn = count / self.count
        inputs, teacher_logits = self.images[:count], self.logits[:count]
        student_logits = in_batches(self.model.student, inputs)
        same = tf.argmax(student_logits, -1) == tf.argmax(teacher_logits, -1)
        logs = tf.nn.log_softmax(teacher_logits), tf.nn.log_softmax(student_logits)
        divergence = tf.reduce_sum(tf.exp(logs[0]) * (logs[0] - logs[1]), -1)
        self.first_agreement = float(np.mean(same[: self._first_of_draw(1)]))
        of_drawn, of_uniform = float(tf.reduce_mean(divergence)), math.log(teacher_logits.shape[-1])
        return drawn * float(np.mean(same)), drawn * of_drawn + (1 - drawn) * of_uniform

    def _draw(self, draw: int) -> None:
        """Draw images, and evaluate the teacher on them."""
        begin, end = self._first_of_draw(draw), self._first_of_draw(draw + 1)
        if begin == end:
            return
        key = stateless_seed(self.model.seed, "validation", draw)
        images = self.model.example_images(end - begin, key)
        half = (end - begin) // 2
        weight = tf.random.stateless_uniform((half, *[1] * (len(images.shape) - 1)), key)
        between = weight * images[:half] + (1 - weight) * tf.roll(images, 1, 0)[:half]
        images = tf.concat([between, images[half:]], 0)
        logits = in_batches(lambda batch: self.model.signals(batch)[0], images)
        self.images[begin:end].assign(images)
        self.logits[begin:end].assign(logits)

    def _draws_done(self) -> int:
        return int(tf.convert_to_tensor(self.draws_done).numpy())

    def _first_of_draw(self, draw: int) -> int:
        """Return the index of the first image of a draw."""
        return self.count * draw // len(self.drawing_epochs())


def in_batches(
    network: Callable[[tf.Tensor], tf.Tensor],
    inputs: tf.Tensor,
    image_shape: tuple[int, int, int] | None = None,
) -> tf.Tensor:
    """Run a network batch by batch, to limit the memory.

    Args:
        network: A function of a batch.
        inputs: `(n, …)`.
        image_shape: `(height, width, channels)` of what the network returns; None where the
            inputs are the images.

    Returns:
        Its outputs for all of them, float32.
    """
    size = affordable_count(
        _MOST_BATCH, image_shape or inputs.shape[1:], _BATCH_PIXELS, _LEAST_BATCH
    )
    starts = range(0, inputs.shape[0], size)
    outputs = [network(inputs[start : start + size]) for start in starts]
    return tf.cast(tf.concat(outputs, 0), tf.float32)
