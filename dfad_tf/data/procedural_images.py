"""Random images of shapes and textures, drawn without any data."""

from __future__ import annotations

import numpy as np

from dfad_tf.data.procedural.camera import photograph
from dfad_tf.data.procedural.rendering import render
from dfad_tf.data.procedural.scenes import draw_scenes
from dfad_tf.utils.errors import InputError

# Images are drawn in blocks, so that NumPy works on many pixels at a time. The pixels of a block
# fit into the cache of a processor.
_BLOCK_PIXELS = 2**17
_SMALLEST_BLOCK, _LARGEST_BLOCK = 8, 256
# Grey images are often of symbols, such as digits; images with colours seldom are.
_GREY_SYMBOLS, _COLOUR_SYMBOLS = 0.6, 0.15


def procedural_images(
    count: int,
    shape: tuple[int, int, int],
    seed: int = 0,
    first: int = 0,
    symbol_share: float | None = None,
    dark_share: float = 0.8,
    blur: float = 0.0,
) -> np.ndarray:
    """Draw random scenes of overlapping shapes with colours, textures, shadows and blur.

    The images need no data and no network. A teacher of photographs or of drawn symbols puts
    them into nearly all of its classes, so they serve as a transfer set: see
    `dfad_tf.data.class_balance.balanced`.

    Args:
        count: Number of images, at least 0.
        shape: `(height, width, channels)`, each at least 1.
        seed: Seed of the images, at least 0. Image i of a seed and a shape does not depend on
            `count`.
        first: Place of the first image in the sequence of this seed, at least 0.
        symbol_share: Share of images, 0 to 1, that show strokes and shapes on a plain dark or
            light background. None is 0.6 for one channel and 0.15 for several.
        dark_share: Share of these drawings, 0 to 1, whose background is dark.
        blur: Standard deviation of a blur of all images, as a share of their smaller side, 0 to 1.
            Images that were enlarged, such as small scans, have no sharp edges.

    Returns:
        Raw pixels from 0 to 255, float32 `(count, height, width, channels)`.

    Raises:
        InputError: If an argument is outside its range.

    Example:

    >>> images = procedural_images(16, (32, 32, 3))
    >>> images.shape
    (16, 32, 32, 3)

    Reference:
        The use of such images as a transfer set is examined in "What Makes a Good Dataset for
        Knowledge Distillation?", arXiv 2411.12817.
    """
    _check_shape(shape)
    _check_counts(count=count, seed=seed, first=first)
    height, width, channels = (int(side) for side in shape)
    if symbol_share is None:
        symbol_share = _GREY_SYMBOLS if channels == 1 else _COLOUR_SYMBOLS
    _check_shares(symbol_share=symbol_share, dark_share=dark_share, blur=blur)
    block = int(np.clip(_BLOCK_PIXELS // (height * width), _SMALLEST_BLOCK, _LARGEST_BLOCK))
    images = np.empty((count, height, width, channels), np.float32)
    for number in range(first // block, -(-(first + count) // block)):
        random = np.random.default_rng(np.random.SeedSequence((seed, number)))
        scenes = draw_scenes(block, channels, symbol_share, dark_share, random)
        drawn = photograph(render(scenes, height, width, random), scenes.symbol, random)
        start = number * block - first
        kept = drawn[max(0, -start) : count - start]
        place = max(0, start)
        if blur:
            kept = _blurred(kept, blur * min(height, width))
        images[place : place + len(kept)] = kept.transpose(0, 2, 3, 1)
    return images


def _blurred(images: np.ndarray, pixels: float) -> np.ndarray:
    from scipy import ndimage  # A slow import, which only this function needs.

    return ndimage.gaussian_filter(images, pixels, axes=(2, 3))


def _check_shape(shape: tuple[int, ...]) -> None:
    if len(shape) != 3 or not all(isinstance(s, (int, np.integer)) and s >= 1 for s in shape):
        raise InputError(
            "Expected `shape` to be (height, width, channels) of an image, each a whole number of "
            f"at least 1. Received: {shape}"
        )


def _check_counts(**counts: int) -> None:
    for name, value in counts.items():
        if value < 0:
            raise InputError(f"Expected `{name}` to be at least 0. Received: {value}")


def _check_shares(**shares: float) -> None:
    for name, value in shares.items():
        if not 0 <= value <= 1:
            raise InputError(f"Expected `{name}` to be from 0 to 1. Received: {value}")
