"""How many images a computation can afford: fewer of large ones."""

from __future__ import annotations

from collections.abc import Sequence


def affordable_count(most: int, image_shape: Sequence[int], pixels: int, least: int = 1) -> int:
    """Return the number of images that have a number of pixels together.

    Args:
        most: Largest number, which small images get.
        image_shape: `(height, width, …)`.
        pixels: Pixels that all images may have together, each with all its channels.
        least: Smallest number, which large images get.

    Example:

    >>> [affordable_count(1024, (side, side, 3), 2**22, 128) for side in (28, 96, 224)]
    [1024, 455, 128]
    """
    height, width = image_shape[:2]
    return max(least, min(most, pixels // (height * width)))
