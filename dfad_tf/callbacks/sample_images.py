"""Write generated images to TensorBoard while they are being learned."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from dfad_tf.compute.randomness import stateless_latent
from dfad_tf.data.pixel_contract import PixelContract, to_displayable


class SampleImages(keras.callbacks.Callback):
    """Log the same latents' images now and then.

    Args:
        log_dir: TensorBoard's folder.
        contract: Maps generated images back to raw pixels.
        every: Epochs between two logs.
        count: Images in a log.
    """

    def __init__(
        self, log_dir: str, contract: PixelContract, every: int = 1, count: int = 16
    ) -> None:
        super().__init__()
        self.log_dir = log_dir
        self.contract = contract
        self.every = every
        self.count = count
        self._writer: Any = None

    def on_train_begin(self, logs: Any = None) -> None:
        self._writer = tf.summary.create_file_writer(self.log_dir)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if (epoch + 1) % self.every:
            return
        generator = self.model.generator
        latent = stateless_latent(self.count, generator.input_shape[-1], tf.constant([0, 0]))
        images = keras.ops.convert_to_numpy(generator(latent, training=False))
        pixels = to_displayable(self.contract.to_pixels(images))
        with self._writer.as_default():
            tf.summary.image("generated", pixels, step=epoch, max_outputs=self.count)

    def on_train_end(self, logs: Any = None) -> None:
        self._writer.close()
