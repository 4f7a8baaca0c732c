"""Held-out real images."""

from __future__ import annotations

import numpy as np

from dfad_tf.data.pixel_contract import PixelContract


class TestImages:
    """Held-out real images: they measure, and nothing learns from them.

    Args:
        pixels: Raw pixels, uint8 `(n, height, width, channels)`.
        labels: `(n,)`.
        contract: What the networks expect of their pixels.
    """

    __test__ = False  # a name that pytest would collect

    def __init__(self, pixels: np.ndarray, labels: np.ndarray, contract: PixelContract) -> None:
        self.pixels, self.labels = pixels, labels
        self.inputs = contract.to_input(pixels)
