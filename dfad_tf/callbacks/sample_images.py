"""Generated images in TensorBoard."""

from __future__ import annotations

import keras
import tensorflow as tf

from dfad_tf.data.pixel_contract import PixelContract, to_displayable


class SampleImages(keras.callbacks.Callback):
    """Write the images of fixed latents to TensorBoard.

    Args:
        log_dir: TensorBoard's log folder.
        contract: Maps generated images to raw pixels.
        every: Epochs between two writes, at least 1.
        count: Number of images, at least 1.
    """

    _writer: tf.summary.SummaryWriter

    def __init__(
        self, log_dir: str, contract: PixelContract, every: int = 1, count: int = 16
    ) -> None:
        super().__init__()
        self.log_dir = log_dir
        self.contract = contract
        self.every = every
        self.count = count

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self._writer = tf.summary.create_file_writer(self.log_dir)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        if (epoch + 1) % self.every:
            return
        images = self.model.example_images(self.count, tf.constant([0, 0]))
        images = keras.ops.convert_to_numpy(images)
        pixels = to_displayable(self.contract.to_pixels(images))
        with self._writer.as_default():
            tf.summary.image("generated", pixels, step=epoch, max_outputs=self.count)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        self._writer.close()
