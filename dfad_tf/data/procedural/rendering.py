"""Draw the background of scenes, and their shapes one after the other."""

from __future__ import annotations

import numpy as np

from dfad_tf.data.procedural.draws import Array, chance, log_uniform, per_image, uniform
from dfad_tf.data.procedural.placement import Placement, anywhere, attached, combined
from dfad_tf.data.procedural.scenes import Scenes
from dfad_tf.data.procedural.shapes import SCENE_SHARES, SHAPES, SYMBOL_SHARES, distances
from dfad_tf.data.procedural.surfaces import background, surface_of
from dfad_tf.data.procedural.textures import noise_fields


def render(scenes: Scenes, height: int, width: int, random: np.random.Generator) -> Array:
    """Draw the background and the shapes of every scene.

    Args:
        scenes: The scenes.
        height: Pixels from top to bottom.
        width: Pixels from left to right.
        random: Generator of the random numbers.

    Returns:
        Float32 `(count, channels, height, width)`, with 0 for black and 1 for white.
    """
    count = len(scenes.shapes)
    x, y = _coordinates(count, height, width, random)
    noise = np.stack([noise_fields(count, height, width, random) for _ in range(2)], 1)
    images = background(scenes, x, y, noise, random)
    # Many objects are symmetric.
    x = np.where(per_image(scenes.mirrored), np.abs(x), x)
    body, first_mask = None, np.ones_like(x)
    for layer in range(int(scenes.shapes.max(initial=0))):
        chosen = np.flatnonzero(scenes.shapes > layer)
        places = _places(scenes, chosen, layer, body, random)
        if layer == 0:
            body = places
        local_x, local_y = places.local(x[chosen], y[chosen])
        kinds = _shape_kinds(scenes, chosen, random)
        distance = distances(kinds, local_x, local_y, random, SHAPES)
        distance *= per_image(np.minimum(places.half_width, places.half_height))
        mask = _mask(scenes, chosen, distance, min(height, width), random)
        if layer == 0:
            first_mask[chosen] = mask
        marking = scenes.marked[chosen] & chance(random, 0.6, chosen.shape)
        mask = np.where(per_image(marking), mask * first_mask[chosen], mask)
        below = images[chosen]
        _cast_shadows(below, mask, scenes.symbol[chosen], random)
        surface = surface_of(scenes, chosen, 1, (local_x, local_y), noise, random)
        surface -= below
        surface *= mask[:, None]
        images[chosen] = below + surface
    return images


def _coordinates(
    count: int, height: int, width: int, random: np.random.Generator
) -> tuple[Array, Array]:
    """Return the place of every pixel; the shorter side is from -1 to 1, and half are warped."""
    shorter = min(height, width)
    up = (np.arange(height, dtype=np.float32) + 0.5) * (2 / shorter) - height / shorter
    across = (np.arange(width, dtype=np.float32) + 0.5) * (2 / shorter) - width / shorter
    y, x = (np.ascontiguousarray(a, np.float32) for a in np.meshgrid(up, across, indexing="ij"))
    places = []
    for straight, other in ((x, y), (y, x)):
        bend = uniform(random, 0, 0.18, (count,)) * chance(random, 0.5, (count,))
        frequency = per_image(uniform(random, 1, 6, (count,)))
        phase = per_image(uniform(random, 0, 2 * np.pi, (count,)))
        places.append(straight[None] + per_image(bend) * np.sin(frequency * other[None] + phase))
    return places[0], places[1]


def _places(
    scenes: Scenes, chosen: Array, layer: int, body: Placement | None, random: np.random.Generator
) -> Placement:
    """Return the places of one shape in each of the chosen images."""
    size = scenes.size[chosen] * scenes.shrink[chosen] ** layer
    size *= log_uniform(random, 0.6, 1.6, size.shape)
    assembled = scenes.assembled[chosen]
    upright = assembled & (layer == 0)
    free = anywhere(size, scenes.spread[chosen], scenes.symbol[chosen], upright, random)
    if body is None:
        return free
    part = assembled & chance(random, 0.85, size.shape)
    return combined(free, attached(body.chosen(chosen), random), part)


def _shape_kinds(scenes: Scenes, chosen: Array, random: np.random.Generator) -> Array:
    any_kind = random.choice(len(SHAPES), len(chosen), p=SCENE_SHARES / SCENE_SHARES.sum())
    symbol_kind = random.choice(len(SHAPES), len(chosen), p=SYMBOL_SHARES / SYMBOL_SHARES.sum())
    return np.where(scenes.symbol[chosen] & ~scenes.textured[chosen], symbol_kind, any_kind)


def _mask(
    scenes: Scenes, chosen: Array, distance: Array, side: int, random: np.random.Generator
) -> Array:
    """Return the opacity of a shape in each pixel, 0 to 1. Edges are one pixel wide or soft."""
    one = chosen.shape
    softness = np.where(chance(random, 0.2, one), uniform(random, 0, 0.4, one), 0)
    softness = np.where(scenes.symbol[chosen], 0, softness) + np.float32(2 / side)
    mask = np.clip(0.5 - distance * per_image(1 / softness).astype(np.float32), 0, 1)
    clear = np.where(chance(random, 0.15, one), uniform(random, 0.3, 1, one), 1)
    return mask * per_image(np.where(scenes.symbol[chosen], 1, clear).astype(np.float32))


def _cast_shadows(below: Array, mask: Array, symbol: Array, random: np.random.Generator) -> None:
    """Darken what lies beside some of the shapes."""
    shadowed = np.flatnonzero(chance(random, 0.2, symbol.shape) & ~symbol)
    height, width = mask.shape[1:]
    depth = uniform(random, 0.2, 0.7, shadowed.shape)
    shift = random.uniform(-0.15, 0.15, (len(shadowed), 2)) * min(height, width)
    rows = np.clip(np.arange(height) - np.rint(shift[:, :1]).astype(int), 0, height - 1)
    columns = np.clip(np.arange(width) - np.rint(shift[:, 1:]).astype(int), 0, width - 1)
    shadow = mask[shadowed[:, None, None], rows[:, :, None], columns[:, None, :]]
    below[shadowed] *= 1 - (shadow * per_image(depth))[:, None]
