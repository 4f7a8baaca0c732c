"""New initial weights for a generator, again and again, so that its images stay diverse."""

from __future__ import annotations

from collections.abc import Callable

import keras
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
        trained = {id(variable) for variable in generator.trainable_variables}
        # A table of images is not trained, and stays.
        self._variables = [
            variable
            for variable in (generator.variables if lifetime else [])
            if id(variable) in trained or len(variable.shape) < 2
        ]
        initial = (keras.ops.convert_to_numpy(variable) for variable in self._variables)
        self._initial = [value.std() if value.ndim > 1 else value for value in initial]

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
        # Values are chosen in the branches, and assigned behind them: a strategy does not allow
        # assignments in a branch.
        values = tf.cond(
            due,
            lambda: self._fresh(key),
            lambda: [tf.convert_to_tensor(variable.value) for variable in self._variables],
        )
        for variable, value in zip(self._variables, values, strict=True):
            variable.assign(value)

    def _fresh(self, key: tf.Tensor) -> list[tf.Tensor]:
        """Return new weights: those of one axis are the initial ones."""
        fresh = []
        for index, (variable, initial) in enumerate(
            zip(self._variables, self._initial, strict=True)
        ):
            if len(variable.shape) > 1:
                drawn = tf.random.stateless_normal(variable.shape, key + [0, index])
                fresh.append(tf.cast(drawn * float(initial), variable.dtype))
            else:
                fresh.append(tf.convert_to_tensor(initial, variable.dtype))
        return fresh
