"""The pixel values that a network expects, and the conversion from raw pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dfad_tf.utils.errors import InputError

RANGES = ("pixels", "zero_one", "minus_one_one", "standardized", "centered")


@dataclass(frozen=True)
class PixelContract:
    """The input range of a network, and the statistics of ordinary images.

    Attributes:
        range: `"pixels"` (0 to 255), `"zero_one"`, `"minus_one_one"`, `"standardized"` (images are
            standardized by `mean` and `std` outside the network), or `"centered"` (only `mean` is
            subtracted, as in Keras's mode `"caffe"`).
        mean: Mean of each channel of ordinary images, in raw pixels (0 to 255).
        std: Standard deviation of each channel, in raw pixels, above 0.
        source: How the contract was determined, in words.

    Raises:
        InputError: If `range` is unknown, or `mean` and `std` are invalid.

    Example:

    >>> contract = PixelContract("zero_one", (33.3,), (78.6,))
    >>> contract.to_input(np.array([255.0]))
    array([1.], dtype=float32)
    """

    range: str
    mean: tuple[float, ...] = (127.5,)
    std: tuple[float, ...] = (64.0,)
    source: str = "given"

    def __post_init__(self) -> None:
        if self.range not in RANGES:
            raise InputError(f"Expected `range` to be one of {RANGES}. Received: {self.range!r}")
        if len(self.mean) != len(self.std) or min(self.std) <= 0:
            raise InputError(
                "Expected `mean` and `std` to have equal length, and `std` to be above 0. "
                f"Received: mean={self.mean}, std={self.std}"
            )

    @property
    def scale(self) -> np.ndarray:
        """Factor from raw pixels to the input of the network, one per channel."""
        if self.range == "standardized":
            return 1.0 / np.asarray(self.std)
        factor = {"zero_one": 1 / 255, "minus_one_one": 2 / 255}.get(self.range, 1.0)
        return np.full(len(self.mean), factor)

    @property
    def offset(self) -> np.ndarray:
        """Offset that is added after multiplication by `scale`, one per channel."""
        if self.range == "standardized":
            return -np.asarray(self.mean) / np.asarray(self.std)
        if self.range == "centered":
            return -np.asarray(self.mean)
        return np.full(len(self.mean), -1.0 if self.range == "minus_one_one" else 0.0)

    @property
    def input_mean(self) -> np.ndarray:
        """Mean of ordinary images in the input range of the network, one per channel."""
        return np.asarray(self.mean) * self.scale + self.offset

    @property
    def input_std(self) -> np.ndarray:
        """Standard deviation of ordinary images in the input range, one per channel."""
        return np.asarray(self.std) * self.scale

    @property
    def value_range(self) -> tuple[list[float], list[float]]:
        """Black and white in the input range of the network, one value per channel."""
        return self.offset.tolist(), (255 * self.scale + self.offset).tolist()

    def to_input(self, pixels: np.ndarray) -> np.ndarray:
        """Convert raw pixels 0–255 `(…, channels)` to the input of the network, float32."""
        scale, offset = self.scale.astype(np.float32), self.offset.astype(np.float32)
        return np.asarray(pixels, np.float32) * scale + offset

    def to_pixels(self, inputs: np.ndarray) -> np.ndarray:
        """Convert the input of the network back to raw pixels, float32 and not clipped."""
        return ((np.asarray(inputs, np.float32) - self.offset) / self.scale).astype(np.float32)

    def for_channels(self, channels: int) -> PixelContract:
        """Return the same contract with one mean and one standard deviation per channel.

        Args:
            channels: Number of channels. Unless the contract has as many, the average over its
                channels is used for each.
        """
        if len(self.mean) == channels:
            return self
        mean, std = float(np.mean(self.mean)), float(np.mean(self.std))
        return PixelContract(self.range, (mean,) * channels, (std,) * channels, self.source)


def to_displayable(pixels: np.ndarray) -> np.ndarray:
    """Convert raw pixels to images that can be displayed.

    Args:
        pixels: `(…, channels)`; values outside 0–255 are clipped.

    Returns:
        uint8 with 1 or 3 channels. The last of 2 or 4 channels is dropped.
    """
    images = np.clip(np.round(pixels), 0, 255).astype(np.uint8)
    return images[..., : {2: 1, 4: 3}.get(images.shape[-1])]
