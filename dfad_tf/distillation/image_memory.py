"""Past generated images, stored with the teacher's logits."""

from __future__ import annotations

import math

import tensorflow as tf

from dfad_tf.compute import replicas
from dfad_tf.compute.shared_variables import shared_variable
from dfad_tf.data.pixel_tensors import StoredPixels

_MOST_VALUES, _LEAST = 2**27, 256


class ImageMemory:
    """Store the latest generated images and the teacher's logits for them.

    The generator's step evaluates the teacher on its images in any case. The stored images teach
    the student repeatedly, without another pass of generator or teacher, and keep it from
    forgetting the images that the generator no longer generates. The memory is not tracked by
    Keras, because a built model must not get new state.

    Under a strategy every replica stores the images of all replicas and can draw each of them, so
    that the drawn images do not depend on the number of devices.

    Args:
        size: Number of stored images, at least 1; new images replace the oldest. Large images
            are fewer: they take at most 128 MiB, or 512 MiB where they are not stored as bytes,
            but are not fewer than 256.
        image_shape: `(height, width, channels)`.
        num_classes: Length of the logits.
        pixels: How images are stored as bytes; None stores them as they are.

    Example:

    >>> memory = ImageMemory(16, (8, 8, 1), 3)
    >>> memory.add(images, logits)
    >>> drawn_images, drawn_logits = memory.draw(2, tf.constant([1, 2]))

    Reference:
        After the memory bank of Binici et al., arXiv 2108.05698.
    """

    def __init__(
        self,
        size: int,
        image_shape: tuple[int, int, int],
        num_classes: int,
        pixels: StoredPixels | None = None,
    ) -> None:
        most = max(_LEAST, _MOST_VALUES // math.prod(image_shape))
        self.size, self._pixels = (size := min(size, most)), pixels
        dtype = tf.uint8 if pixels else tf.float32
        self.images = shared_variable(tf.zeros((size, *image_shape), dtype))
        self.logits = shared_variable(tf.zeros((size, num_classes)))
        self.seen = shared_variable(tf.constant(0, tf.int64))

    def add(self, images: tf.Tensor, logits: tf.Tensor) -> None:
        """Store a batch.

        Args:
            images: `(batch, height, width, channels)`.
            logits: The teacher's logits for them, `(batch, classes)`.
        """
        images, logits = replicas.gathered(images), replicas.gathered(logits)
        count = min(images.shape[0], self.size)
        places = (self.seen + tf.range(count, dtype=tf.int64)) % self.size
        images, logits = (tf.stop_gradient(tf.cast(t, tf.float32)) for t in (images, logits))
        if self._pixels:
            images = self._pixels.to_bytes(images)
        for variable, values in ((self.images, images), (self.logits, logits)):
            variable.scatter_update(tf.IndexedSlices(values[:count], places))
        self.seen.assign_add(count)

    def draw(self, count: int, key: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Draw stored images uniformly, with replacement.

        Args:
            count: Number of images for each replica.
            key: From `randomness.stateless_seed`.

        Returns:
            Images `(count, height, width, channels)` and logits `(count, classes)`.
        """
        filled = tf.minimum(self.seen, self.size)
        wanted = (count * replicas.count(),)
        places = replicas.own(tf.random.stateless_uniform(wanted, key, 0, filled, tf.int64))
        return self._images(places), tf.gather(self.logits, places)

    def draw_evenly(self, count: int, key: tf.Tensor) -> tf.Tensor:
        """Draw stored images so that all classes of the teacher that are stored are equally likely.

        Args:
            count: Number of images for each replica.
            key: From `randomness.stateless_seed`.

        Returns:
            Images `(count, height, width, channels)`.
        """
        labels = tf.argmax(self.logits, -1, tf.int32)
        stored = tf.cast(tf.range(self.size, dtype=tf.int64) < self.seen, tf.float32)
        by_class = tf.math.unsorted_segment_sum(stored, labels, self.logits.shape[-1])
        share = stored / tf.gather(tf.maximum(by_class, 1.0), labels)
        return self._images(replicas.weighted_places(share, count, key))

    def _images(self, places: tf.Tensor) -> tf.Tensor:
        images = tf.gather(self.images, places)
        return self._pixels.from_bytes(images) if self._pixels else images

    @property
    def variables(self) -> list[tf.Variable]:
        """The state: images, logits, and the number of images added so far."""
        return [self.images, self.logits, self.seen]
