"""The colours and textures of backgrounds and shapes."""

from __future__ import annotations

import numpy as np

from dfad_tf.data.procedural.colours import chroma
from dfad_tf.data.procedural.draws import Array, chance, log_uniform, normal, per_image, uniform
from dfad_tf.data.procedural.scenes import Scenes
from dfad_tf.data.procedural.textures import TEXTURE_SHARES, textures

_HORIZONS = 0.4  # share of the scenes whose background is ground and sky


def _colours(scenes: Scenes, chosen: Array, level: int, random: np.random.Generator) -> Array:
    """Draw one colour for each image, `(count, channels)`; level 0 is the background."""
    count, channels = len(chosen), scenes.tints.shape[2]
    light = scenes.light[chosen] + scenes.contrast[chosen] * normal(random, 1, (count,))
    offset = scenes.saturation[chosen][:, None] * chroma((count,), channels, random)
    colours = light[:, None] + offset + scenes.tints[chosen, level]
    # Symbols stand out: they are light on dark, or dark on light.
    ink = uniform(random, 0.55, 1.2, (count,))
    ink = np.where(scenes.dark[chosen], ink, 1 - ink)[:, None] + offset
    return np.clip(np.where(scenes.symbol[chosen][:, None], ink, colours), 0, 1)


def surface_of(
    scenes: Scenes,
    chosen: Array,
    level: int,
    places: tuple[Array, Array],
    noise: Array,
    random: np.random.Generator,
) -> Array:
    """Return surfaces as if they covered the images.

    Args:
        scenes: All scenes.
        chosen: Places of the scenes that get a surface, `(count,)`.
        level: 0 for a background, 1 for a shape.
        places: Local coordinates x and y of each pixel, each `(count, height, width)`.
        noise: Two fields of noise for each of all scenes, `(scenes, 2, height, width)`.
        random: Generator of the random numbers.

    Returns:
        Float32 `(count, channels, height, width)`, with 0 for black and 1 for white.
    """
    count = len(chosen)
    kinds = random.choice(len(TEXTURE_SHARES), count, p=TEXTURE_SHARES / TEXTURE_SHARES.sum())
    kinds = np.where(scenes.symbol[chosen] & ~scenes.textured[chosen], 0, kinds)
    field = textures(kinds, *places, noise[chosen, random.integers(0, 2, count)], random)
    first = _colours(scenes, chosen, level, random)
    difference = _colours(scenes, chosen, level, random) - first
    surface = first[..., None, None] + difference[..., None, None] * field[:, None]
    grain = scenes.grain[chosen] * log_uniform(random, 0.3, 3, (count,))
    surface += (noise[chosen, random.integers(0, 2, count)] * per_image(grain))[:, None]
    return surface


def background(
    scenes: Scenes, x: Array, y: Array, noise: Array, random: np.random.Generator
) -> Array:
    """Return plain paper for symbols, and one surface, or ground and sky, for other scenes."""
    count = len(x)
    everything = np.arange(count)
    angle = uniform(random, -np.pi, np.pi, (count,))
    across, up = per_image(np.cos(angle)), per_image(np.sin(angle))
    turned = x * across + y * up, y * across - x * up
    surface = surface_of(scenes, everything, 0, turned, noise, random)
    split = np.flatnonzero(chance(random, _HORIZONS, (count,)))
    ground = surface_of(scenes, split, 0, (turned[0][split], turned[1][split]), noise, random)
    horizon = per_image(uniform(random, -0.7, 0.7, split.shape))
    sharpness = per_image(log_uniform(random, 2, 40, split.shape))
    below = np.clip(0.5 + (y[split] - horizon) * sharpness, 0, 1)[:, None]
    surface[split] += below * (ground - surface[split])
    paper = np.abs(normal(random, 0.12, (count,))) * chance(random, 0.35, (count,))
    paper = np.where(scenes.dark, paper, 1 - paper)[:, None, None, None]
    return np.where(scenes.symbol[:, None, None, None], paper, surface).astype(np.float32)
