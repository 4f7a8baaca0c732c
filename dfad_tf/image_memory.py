"""Past generated images, kept with the teacher's answers."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def remembered(batch_size: int, share: float) -> int:
    """Images of a batch that come from a memory: its share, at least one."""
    return max(1, round(batch_size * share))


class ImageMemory:
    """Keep the latest generated images and the teacher's logits for them.

    The generator's own step shows its images to the teacher anyway. Kept, they
    teach the student again and again, without a pass of generator or teacher, and
    remind it of what the generator has moved away from. A plain object, not
    tracked by Keras: a built model takes no new state.

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
        self.images = tf.Variable(tf.zeros((size, *image_shape)), trainable=False)
        self.logits = tf.Variable(tf.zeros((size, num_classes)), trainable=False)
        self.seen = tf.Variable(0, dtype=tf.int64, trainable=False)

    def add(self, images: Any, logits: Any) -> None:
        """Keep a batch `(batch, height, width, channels)` and its logits `(batch, classes)`."""
        count = min(images.shape[0], self.size)
        places = (self.seen + tf.range(count, dtype=tf.int64)) % self.size
        for variable, values in ((self.images, images), (self.logits, logits)):
            values = tf.stop_gradient(tf.cast(values[:count], tf.float32))
            variable.scatter_nd_update(places[:, None], values)
        self.seen.assign_add(count)

    def draw(self, count: int, key: tf.Tensor) -> tuple[Any, Any]:
        """Return images and logits of past batches, each drawn evenly from all that are kept.

        Args:
            count: Images wanted; some may come twice.
            key: From `randomness.stateless_seed`.
        """
        filled = tf.minimum(self.seen, self.size)
        places = tf.random.stateless_uniform((count,), key, 0, filled, tf.int64)
        return tf.gather(self.images, places), tf.gather(self.logits, places)

    @property
    def variables(self) -> list[tf.Variable]:
        """The state: images, logits, and how many were seen."""
        return [self.images, self.logits, self.seen]
