"""Images of a network as bytes, inside a train step."""

from __future__ import annotations

import tensorflow as tf

from dfad_tf.data.pixel_contract import PixelContract


class StoredPixels:
    """Convert between the input range of a network and raw pixels of one byte.

    Args:
        contract: The pixels that the network expects.

    Example:

    >>> pixels = StoredPixels(PixelContract("zero_one"))
    >>> pixels.to_bytes(tf.constant([0.0, 0.6, 1.2])).numpy().tolist()
    [0, 153, 255]
    """

    def __init__(self, contract: PixelContract) -> None:
        self._scale = tf.constant(contract.scale, tf.float32)
        self._offset = tf.constant(contract.offset, tf.float32)

    def to_bytes(self, inputs: tf.Tensor) -> tf.Tensor:
        """Return the nearest raw pixels, uint8.

        Args:
            inputs: `(…, channels)` in the input range, float32.
        """
        raw = tf.round((inputs - self._offset) / self._scale)
        return tf.cast(tf.clip_by_value(raw, 0.0, 255.0), tf.uint8)

    def from_bytes(self, pixels: tf.Tensor) -> tf.Tensor:
        """Return raw pixels in the input range, float32.

        Args:
            pixels: `(…, channels)`, uint8.
        """
        return tf.cast(pixels, tf.float32) * self._scale + self._offset
