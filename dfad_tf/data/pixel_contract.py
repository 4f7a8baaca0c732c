"""What a network expects of its pixels, and how raw pixels become that."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

RANGES = ("pixels", "zero_one", "minus_one_one", "standardized")


@dataclass(frozen=True)
class PixelContract:
    """An input range, and the place of ordinary images in it.

    Attributes:
        range: `"pixels"` (0 to 255), `"zero_one"`, `"minus_one_one"`, or
            `"standardized"` (mean and standard deviation removed outside the network).
        mean: Mean of each channel of ordinary images, in raw pixels (0 to 255).
        std: Their standard deviation, in raw pixels, above 0.
        source: How the contract was found, in words.

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
            raise ValueError(f"Expected `range` to be one of {RANGES}. Received: {self.range!r}")
        if len(self.mean) != len(self.std) or min(self.std) <= 0:
            raise ValueError(
                "Expected `mean` and `std` of equal length, and `std` above 0. "
                f"Received: mean={self.mean}, std={self.std}"
            )

    @property
    def scale(self) -> np.ndarray:
        """Factor from raw pixels to the network's input, one a channel."""
        if self.range == "standardized":
            return 1.0 / np.asarray(self.std)
        factor = {"pixels": 1.0, "zero_one": 1 / 255, "minus_one_one": 2 / 255}[self.range]
        return np.full(len(self.mean), factor)

    @property
    def offset(self) -> np.ndarray:
        """Added after `scale`, one a channel."""
        if self.range == "standardized":
            return -np.asarray(self.mean) / np.asarray(self.std)
        return np.full(len(self.mean), -1.0 if self.range == "minus_one_one" else 0.0)

    @property
    def input_mean(self) -> np.ndarray:
        """Mean of ordinary images in the network's input range, one a channel."""
        return np.asarray(self.mean) * self.scale + self.offset

    @property
    def input_std(self) -> np.ndarray:
        """Standard deviation of ordinary images in the network's input range."""
        return np.asarray(self.std) * self.scale

    @property
    def value_range(self) -> tuple[list[float], list[float]]:
        """Black and white in the network's input range, one a channel."""
        return self.offset.tolist(), (255 * self.scale + self.offset).tolist()

    def to_input(self, pixels: np.ndarray) -> np.ndarray:
        """Map raw pixels 0–255 `(…, channels)` to the network's input, float32."""
        scale, offset = self.scale.astype(np.float32), self.offset.astype(np.float32)
        return np.asarray(pixels, np.float32) * scale + offset

    def to_pixels(self, inputs: np.ndarray) -> np.ndarray:
        """Map the network's input back to raw pixels, float32 and not clipped."""
        return ((np.asarray(inputs, np.float32) - self.offset) / self.scale).astype(np.float32)

    def for_channels(self, channels: int) -> PixelContract:
        """The same contract with one mean and deviation for each of `channels`."""
        if len(self.mean) == channels:
            return self
        mean, std = float(np.mean(self.mean)), float(np.mean(self.std))
        return PixelContract(self.range, (mean,) * channels, (std,) * channels, self.source)


def to_displayable(pixels: np.ndarray) -> np.ndarray:
    """Clip raw pixels to uint8 with 1 or 3 channels; of 2 and 4, the last is not shown."""
    images = np.clip(np.round(pixels), 0, 255).astype(np.uint8)
    return images[..., : {2: 1, 4: 3}.get(images.shape[-1])]
