"""Held-out real images."""

from __future__ import annotations

import numpy as np

from dfad_tf.data.pixel_contract import PixelContract


class TestImages:
    """Held-out real images. They are used for measurements only, and never for training.

    Args:
        pixels: Raw pixels, uint8 `(n, height, width, channels)`.
        labels: `(n,)`.
        contract: The pixel values that the networks expect.

    Attributes:
        inputs: The images in the input range of the networks, float32.
    """

    __test__ = False  # pytest would collect a class of this name

    def __init__(self, pixels: np.ndarray, labels: np.ndarray, contract: PixelContract) -> None:
        self.pixels, self.labels = pixels, labels
        self.inputs = contract.to_input(pixels)
