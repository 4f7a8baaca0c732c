"""Past generated images, kept with the teacher's answers."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from dfad_tf.compute import replicas


class ImageMemory:
    """Keep the latest generated images and the teacher's logits for them.

    The generator's own step shows its images to the teacher anyway. Kept, they
    teach the student again and again, without a pass of generator or teacher, and
    remind it of what the generator has moved away from. A plain object, not
    tracked by Keras: a built model takes no new state.

    Under a strategy every replica keeps the images of all, so that each can draw any of
    them: what is drawn is the same on any number of devices.

    Args:
        size: Images kept, at least one; the oldest make room for new ones.
        image_shape: `(height, width, channels)`.
        num_classes: Length of the logits.

    Example:

    >>> memory = ImageMemory(4096, (32, 32, 1), 10)
    >>> memory.add(images, logits)
    >>> images, logits = memory.draw(256, key)

    Reference:
        After the memory bank of Binici et al., arXiv 2108.05698.
    """

    def __init__(self, size: int, image_shape: tuple[int, int, int], num_classes: int) -> None:
        self.size = size
        self.images = _variable(tf.zeros((size, *image_shape)))
        self.logits = _variable(tf.zeros((size, num_classes)))
        self.seen = _variable(tf.constant(0, tf.int64))

    def add(self, images: Any, logits: Any) -> None:
        """Keep a batch `(batch, height, width, channels)` and its logits `(batch, classes)`."""
        images, logits = replicas.gathered(images), replicas.gathered(logits)
        count = min(images.shape[0], self.size)
        places = (self.seen + tf.range(count, dtype=tf.int64)) % self.size
        for variable, values in ((self.images, images), (self.logits, logits)):
            values = tf.stop_gradient(tf.cast(values[:count], tf.float32))
            variable.scatter_update(tf.IndexedSlices(values, places))
        self.seen.assign_add(count)

    def draw(self, count: int, key: tf.Tensor) -> tuple[Any, Any]:
        """Return images and logits of past batches, each drawn evenly from all that are kept.

        Args:
            count: Images wanted on each replica; some may come twice.
            key: From `randomness.stateless_seed`.
        """
        filled = tf.minimum(self.seen, self.size)
        wanted = (count * replicas.count(),)
        places = replicas.own(tf.random.stateless_uniform(wanted, key, 0, filled, tf.int64))
        return tf.gather(self.images, places), tf.gather(self.logits, places)

    @property
    def variables(self) -> list[tf.Variable]:
        """The state: images, logits, and how many were seen."""
        return [self.images, self.logits, self.seen]


def _variable(value: tf.Tensor) -> tf.Variable:
    # All replicas write the same, so any one of them speaks for all.
    first = tf.VariableAggregation.ONLY_FIRST_REPLICA
    return tf.Variable(value, trainable=False, aggregation=first)
