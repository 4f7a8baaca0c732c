"""New initial weights for a generator, again and again, so that its images stay diverse."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf


class Renewal:
    """Replace the weights of a generator by fresh random ones after a number of steps.

    A generator that is trained for long repeats itself. One that starts again finds other images
    with the same statistics. Kernels are drawn from a normal distribution with the standard
    deviation of the generator's initial kernels; biases and batch-norm parameters return to
    their initial values. The optimizer keeps its state: its second moments are still those of
    the gradients' scale.

    Args:
        generator: The generator, with its initial weights.
        lifetime: Generator steps after which it is renewed; 0 for never.

    Reference:
        Tran et al., NAYER, arXiv 2310.00258, re-initialize the generator every 10 rounds.
    """

    def __init__(self, generator: keras.Model, lifetime: int) -> None:
        self.lifetime = lifetime
        self._variables = generator.variables
        self._initial = [np.array(variable) for variable in generator.get_weights()]

    def apply(self, step: tf.Tensor, draw_key: Callable[[], tf.Tensor]) -> None:
        """Renew the weights if it is time.

        Args:
            step: Generator steps so far, a scalar integer.
            draw_key: Returns a key from `randomness.stateless_seed` for this step.
        """
        if not self.lifetime:
            return
        step, key = tf.cast(step, tf.int64), draw_key()
        due = tf.logical_and(step > 0, step % self.lifetime == 0)
        # Selected instead of branched: a strategy does not allow assignments in a branch.
        for index, (variable, initial) in enumerate(
            zip(self._variables, self._initial, strict=True)
        ):
            fresh = tf.convert_to_tensor(initial)
            if initial.ndim > 1:
                drawn = tf.random.stateless_normal(initial.shape, key + [0, index])
                fresh = tf.cast(drawn * float(initial.std()), fresh.dtype)
            variable.assign(tf.where(due, fresh, variable.value))
