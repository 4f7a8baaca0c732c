"""The value of the generator's objective for images, and the answers that it is computed from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import keras
import tensorflow as tf

from dfad_tf.data.batch_augmentation import crop_batch
from dfad_tf.graphs.training_form import TrainingForm
from dfad_tf.synthesis.objectives import ForwardPass, GeneratorObjective
from dfad_tf.teachers.teacher_signals import TeacherSignals

BatchNorm = Callable[
    [tuple[tf.Tensor, ...]], tuple[tuple[tf.Tensor, keras.Variable, keras.Variable], ...]
]


class Score(NamedTuple):
    """Images as the networks see them, their answers, and the objective.

    Attributes:
        images: `(batch, height, width, channels)`, cropped if the synthesis crops.
        logits: The teacher's logits, `(batch, classes)`.
        activations: The watched activations of the teacher.
        values: The unweighted terms of the objective, scalars.
        loss: Their weighted sum, a scalar.
    """

    images: tf.Tensor
    logits: tf.Tensor
    activations: tuple[tf.Tensor, ...]
    values: list[tf.Tensor]
    loss: tf.Tensor


class ImageScoring:
    """Evaluate the terms of a generator's objective on images.

    Args:
        terms: The terms.
        signals: The teacher's signals, with the watched activations.
        student: The student in the form that training runs.
        batch_norm: Returns what `ForwardPass.batch_norm` contains, from the watched activations.
        augmentation: How images are cropped before the networks see them: a name in
            `batch_augmentation.AUGMENTATIONS`.
        border: Colour of the border that a crop adds, one value for each channel.
    """

    def __init__(
        self,
        terms: Sequence[GeneratorObjective],
        signals: TeacherSignals,
        student: TrainingForm,
        batch_norm: BatchNorm,
        augmentation: str = "none",
        border: Sequence[float] = (),
    ) -> None:
        self.terms, self.signals, self.student = tuple(terms), signals, student
        self.batch_norm, self.augmentation, self.border = batch_norm, augmentation, border
        # As published: an image on which the networks must agree is not judged by the student's
        # statistics of the batch.
        self._student_trains = not any(term.student_in_inference for term in terms)

    def __call__(self, images: tf.Tensor, labels: tf.Tensor | None, key: tf.Tensor) -> Score:
        """Return the answers to images, and the objective.

        Args:
            images: `(batch, height, width, channels)`.
            labels: The classes that they are synthesized for, `(batch,)`; None if no term needs
                them.
            key: Key of the crop, from `randomness.stateless_seed`.
        """
        whole = images
        images = self._crop(whole, key)
        logits, features, activations = self.signals.observe(images)
        student = None
        if any(term.needs_student for term in self.terms):
            student = tf.cast(self.student(images, training=self._student_trains), tf.float32)
        statistics = self.batch_norm(activations)
        views = None
        if any(term.needs_views for term in self.terms):
            views = self.signals.observe(self._crop(whole, key + [1, 0])).features
        forward = ForwardPass(images, logits, features, student, statistics, labels, views)
        values = [term.call(forward) for term in self.terms]
        loss = tf.add_n([term.weight * v for term, v in zip(self.terms, values, strict=True)])
        return Score(images, logits, activations, values, loss)

    def end_batch(self) -> None:
        """Note that the following images belong to another batch."""
        for term in self.terms:
            term.end_batch()

    def _crop(self, images: tf.Tensor, key: tf.Tensor) -> tf.Tensor:
        return crop_batch(images, key, self.augmentation, self.border)
