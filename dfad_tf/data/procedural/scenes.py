"""What the shapes of one image have in common."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dfad_tf.data.procedural.colours import chroma
from dfad_tf.data.procedural.draws import Array, chance, log_uniform, normal, uniform

_MIN_SHAPES, _MAX_SHAPES = 2, 12
_MAX_SYMBOL_SHAPES = 4
# Standard deviations of the colours around grey, and of the noise on surfaces.
_TINT, _SATURATION, _GRAIN = 0.05, 0.075, 0.08
_SIZES = (0.3, 1.1)  # radius of the first shape of a scene, in halves of the shorter side
_ASSEMBLED, _MIRRORED, _MARKED = 0.75, 0.25, 0.4  # shares of the scenes


@dataclass(frozen=True)
class Scenes:
    """What the shapes of one image have in common; one entry for each image of a block.

    Attributes:
        symbol: Whether the image is a drawing of a symbol on a plain background.
        shapes: Number of shapes.
        spread: How far from the centre of the image the shapes lie.
        size: Radius of the first shape, in halves of the image's shorter side.
        shrink: Factor from the radius of one shape to that of the next.
        light: Mean lightness of the colours, 0 to 1.
        contrast: Standard deviation of the lightness of the colours.
        tints: Offsets of each channel, `(count, 2, channels)`; the first for the background.
        saturation: Standard deviation of each channel's offset from the lightness.
        grain: Standard deviation of the noise on all surfaces.
        dark: Whether the background of a symbol is dark.
        textured: Whether the shapes of a symbol are textured surfaces, not strokes of one colour.
        assembled: Whether most shapes are parts of one object, and the first is its body.
        mirrored: Whether the right half of the shapes mirrors the left one, as in many objects.
        marked: Whether most shapes are markings on the first one, and so do not leave it.
    """

    symbol: Array
    shapes: Array
    spread: Array
    size: Array
    shrink: Array
    light: Array
    contrast: Array
    tints: Array
    saturation: Array
    grain: Array
    dark: Array
    textured: Array
    assembled: Array
    mirrored: Array
    marked: Array


def draw_scenes(
    count: int,
    channels: int,
    symbol_share: float,
    dark_share: float,
    random: np.random.Generator,
) -> Scenes:
    """Draw what the shapes of each image have in common."""
    one = (count,)
    symbol = chance(random, symbol_share, one)
    colourful = 0.0 if channels == 1 else 1.0
    return Scenes(
        symbol=symbol,
        shapes=np.where(
            symbol,
            1 + (_MAX_SYMBOL_SHAPES * uniform(random, 0, 1, one) ** 2).astype(int),
            random.integers(_MIN_SHAPES, _MAX_SHAPES + 1, count),
        ),
        spread=np.where(symbol, uniform(random, 0, 0.3, one), uniform(random, 0.1, 0.9, one)),
        size=np.where(symbol, uniform(random, 0.35, 0.75, one), log_uniform(random, *_SIZES, one)),
        shrink=np.where(symbol, uniform(random, 0.7, 1, one), uniform(random, 0.7, 1.05, one)),
        light=uniform(random, 0.2, 0.8, one),
        contrast=uniform(random, 0.08, 0.35, one),
        tints=colourful * _TINT * chroma((count, 2), channels, random),
        saturation=colourful * np.abs(normal(random, _SATURATION, one)),
        grain=np.where(symbol, 0, uniform(random, 0, _GRAIN, one)).astype(np.float32),
        dark=chance(random, dark_share, one),
        textured=chance(random, 0.2, one),
        assembled=chance(random, _ASSEMBLED, one) & ~symbol,
        mirrored=chance(random, _MIRRORED, one) & ~symbol,
        marked=chance(random, _MARKED, one) & ~symbol,
    )
