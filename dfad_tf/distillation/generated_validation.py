"""Validation that needs no data: how a student answers held-out generated images."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dfad_tf.compute.batch_statistics import as_in_training
from dfad_tf.compute.randomness import stateless_latent, stateless_seed

_BATCH = 256
_MOST_VALUES = 2**24
_MOMENTS = (1 / 8, 1 / 4, 1 / 2)  # of the epochs


class GeneratedValidation(keras.callbacks.Callback):
    """Log `val_agreement` and `val_divergence` of the student on held-out images.

    The images are drawn at several moments of the generator, up to the middle of the run, from
    latents that training never sees; half of them lie between two images of a moment. Those
    that are not drawn yet count as not agreed on, and as answers that know nothing: were
    they left out, the first epochs, asked the least, would look best. The teacher answers
    each once. `DataFreeDistiller.fit` puts this in front of its callbacks, so that
    `EarlyStopping("val_agreement", mode="max")` and `ModelCheckpoint` find it in the logs.

    Args:
        count: Images in all, at least 4; fewer where they would take more than 64 MiB.

    Attributes:
        first_agreement: Agreement on the images of the first moment alone, which stay the same
            while others come.
        agreement_before: The same of the student that training began with.
    """

    def __init__(self, count: int = 1024) -> None:
        super().__init__()
        self.count = count
        self.first_agreement = self.agreement_before = 0.0
        self.images: Any = None
        self.logits: Any = None
        self.moments_passed: Any = None
        self._first_student: list[np.ndarray] | None = None

    def set_model(self, model: Any) -> None:
        super().set_model(model)
        if self.images is None:
            shape = model.generator.output_shape[1:]
            most = _MOST_VALUES // int(np.prod(shape))
            self.count = max(1 + len(_MOMENTS), min(self.count, most))  # one a moment
            classes = model.teacher.output_shape[-1]
            self.images = _variable(tf.zeros((self.count, *shape)))
            self.logits = _variable(tf.zeros((self.count, classes)))
            self.moments_passed = _variable(tf.constant(0, tf.int64))
            # Before a backup puts its student in the place of the one that training began with.
            self._first_student = model.student.get_weights()

    def variables(self) -> list[tf.Variable]:
        """The state: images, the teacher's logits, and how many moments have passed."""
        return [self.images, self.logits, self.moments_passed]

    def moments(self) -> list[int]:
        """Return the epochs behind which images are drawn: 1, and up to half of all."""
        epochs = self.params["epochs"]
        return sorted({1, *(max(1, round(epochs * share)) for share in _MOMENTS)})

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        passed, moments = self._passed(), self.moments()
        if passed < len(moments) and epoch + 1 >= moments[passed]:
            self._draw(passed)
            self.moments_passed.assign(passed + 1)
        if not passed and self._first_student is not None:
            now = self.model.student.get_weights()
            self.model.student.set_weights(self._first_student)
            self.measure()
            self.agreement_before = self.first_agreement
            self.model.student.set_weights(now)
        agreement, divergence = self.measure()
        if logs is not None:
            logs.update(val_agreement=agreement, val_divergence=divergence)

    def measure(self) -> tuple[float, float]:
        """Measure the student as it is.

        Returns:
            Share of the held-out images on which it agrees with the teacher, and the mean
            Kullback-Leibler divergence of its answers from the teacher's, in nats.
        """
        count = self._place(self._passed())
        drawn = count / self.count
        inputs, teachers = self.images[:count], self.logits[:count]
        students = _in_batches(self.model.student, inputs)
        same = tf.argmax(students, -1) == tf.argmax(teachers, -1)
        logs = tf.nn.log_softmax(teachers), tf.nn.log_softmax(students)
        divergence = tf.reduce_sum(tf.exp(logs[0]) * (logs[0] - logs[1]), -1)
        self.first_agreement = float(np.mean(same[: self._place(1)]))
        of_drawn, nothing = float(tf.reduce_mean(divergence)), math.log(teachers.shape[-1])
        return drawn * float(np.mean(same)), drawn * of_drawn + (1 - drawn) * nothing

    def _draw(self, moment: int) -> None:
        begin, end = self._place(moment), self._place(moment + 1)
        if begin == end:
            return
        generator = self.model.generator
        key = stateless_seed(self.model.seed, "validation", moment)
        latent = stateless_latent(end - begin, generator.input_shape[-1], key)
        images = _in_batches(lambda batch: as_in_training(generator, batch), latent)
        half = (end - begin) // 2
        weight = tf.random.stateless_uniform((half, *[1] * (len(images.shape) - 1)), key)
        between = weight * images[:half] + (1 - weight) * tf.roll(images, 1, 0)[:half]
        images = tf.concat([between, images[half:]], 0)
        logits = _in_batches(lambda batch: self.model.signals(batch)[0], images)
        self.images[begin:end].assign(images)
        self.logits[begin:end].assign(logits)

    def _passed(self) -> int:
        return int(tf.convert_to_tensor(self.moments_passed).numpy())

    def _place(self, moment: int) -> int:
        """Where the images of a moment begin."""
        return self.count * moment // len(self.moments())


def _in_batches(network: Any, inputs: Any) -> Any:
    """Run a network in inference mode, a part at a time, so that memory is enough."""
    parts = [network(inputs[place : place + _BATCH]) for place in range(0, inputs.shape[0], _BATCH)]
    return tf.cast(tf.concat(parts, 0), tf.float32)


def _variable(value: tf.Tensor) -> tf.Variable:
    # All replicas hold the same.
    first = tf.VariableAggregation.ONLY_FIRST_REPLICA
    return tf.Variable(value, trainable=False, aggregation=first)
