"""Distances to the edges of random shapes, from which a renderer computes their masks.

Every shape is a function of the local coordinates `x` and `y`, each `(count, height, width)`, and
of a random generator. It draws one shape of radius about 1 for each image, and returns the
approximate distance of each pixel to the edge: negative inside the shape, positive outside.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dfad_tf.data.procedural.draws import Array, chance, per_image, uniform

Shape = Callable[[Array, Array, np.random.Generator], Array]

_MAX_SIDES = 6
_STROKE_SEGMENTS = 13


def ellipse(x: Array, y: Array, _random: np.random.Generator) -> Array:
    """Return the distance to a circle, which the local coordinates stretch to an ellipse."""
    return np.sqrt(x * x + y * y) - 1


def rectangle(x: Array, y: Array, random: np.random.Generator) -> Array:
    """Return the distance to a square with corners of a random radius."""
    rounding = per_image(uniform(random, 0, 0.5, x.shape[:1]))
    return _box(x, y, 0.9 - rounding, 0.9 - rounding) - rounding


def polygon(x: Array, y: Array, random: np.random.Generator) -> Array:
    """Return the distance to a convex polygon of 3 to 6 sides."""
    count = len(x)
    sides = random.integers(3, _MAX_SIDES + 1, count)[:, None]
    # Sides beyond the number of an image repeat its first, so all images take the same steps.
    place = np.arange(_MAX_SIDES)[None] % sides
    jitter = np.take_along_axis(uniform(random, -0.3, 0.3, (count, _MAX_SIDES)), place, 1)
    offset = np.take_along_axis(uniform(random, 0.4, 0.9, (count, _MAX_SIDES)), place, 1)
    angle = ((place + jitter) * (2 * np.pi / sides)).astype(np.float32)
    across, up = np.cos(angle), np.sin(angle)
    distance = np.sqrt(x * x + y * y) - np.float32(1.4)  # ends the acute corners
    for side in range(int(sides.max())):
        edge = x * per_image(across[:, side]) + y * per_image(up[:, side])
        np.maximum(distance, edge - per_image(offset[:, side]), out=distance)
    return distance


def star(x: Array, y: Array, random: np.random.Generator) -> Array:
    """Return the distance to a star of 3 to 8 points."""
    sector = np.float32(np.pi) / random.integers(3, 9, len(x)).astype(np.float32)
    inner = uniform(random, 0.2, 0.7, x.shape[:1])
    edge_x, edge_y = np.cos(sector) - inner, np.sin(sector)
    length = np.hypot(edge_x, edge_y)
    # All points are folded into half of one sector, whose edge is a single line.
    half = per_image(sector)
    angle = np.abs(np.mod(np.arctan2(y, x), 2 * half) - half)
    radius = np.sqrt(x * x + y * y)
    across = (radius * np.cos(angle) - per_image(inner)) * per_image(edge_y / length)
    return across - radius * np.sin(angle) * per_image(edge_x / length)


def blob(x: Array, y: Array, random: np.random.Generator) -> Array:
    """Return the distance to a closed curve whose radius is a random wave of the angle."""
    angle = np.arctan2(y, x)
    radius = np.full_like(x, 0.75)
    for waves in (2, 3, 5):
        size = per_image(uniform(random, 0, 0.45, x.shape[:1]) / np.float32(waves**0.5))
        phase = per_image(uniform(random, 0, 2 * np.pi, x.shape[:1]))
        radius += size * np.cos(waves * angle + phase)
    return (np.sqrt(x * x + y * y) - np.maximum(radius, np.float32(0.2))) * np.float32(0.7)


def ring(x: Array, y: Array, random: np.random.Generator) -> Array:
    """Return the distance to a ring of a random thickness."""
    thickness = per_image(uniform(random, 0.08, 0.35, x.shape[:1]))
    return np.abs(np.sqrt(x * x + y * y) - 1 + thickness) - thickness


def cross(x: Array, y: Array, random: np.random.Generator) -> Array:
    """Return the distance to two bars in the form of a cross, a T or an L."""
    thick = per_image(uniform(random, 0.1, 0.35, x.shape[:1]))
    shift = per_image(uniform(random, -0.9, 0.9, x.shape[:1]))
    moved = per_image(uniform(random, -0.9, 0.9, x.shape[:1]))
    moved = moved * per_image(chance(random, 0.5, x.shape[:1]))
    return np.minimum(_box(x, y - moved, 1, thick), _box(x - shift, y, thick, 1))


def band(x: Array, y: Array, random: np.random.Generator) -> Array:
    """Return the distance to a straight band across the image."""
    return np.abs(y) - per_image(uniform(random, 0.1, 1.0, x.shape[:1]))


def stroke(x: Array, y: Array, random: np.random.Generator) -> Array:
    """Return the distance to a thick line with bends and corners, as a pen draws it."""
    points_x, points_y = _pen_path(len(x), random)
    nearest = np.full_like(x, np.inf)
    for start in range(_STROKE_SEGMENTS):
        from_x, from_y = per_image(points_x[:, start]), per_image(points_y[:, start])
        step_x = per_image(points_x[:, start + 1]) - from_x
        step_y = per_image(points_y[:, start + 1]) - from_y
        length = 1 / (step_x * step_x + step_y * step_y + np.float32(1e-6))
        away_x, away_y = x - from_x, y - from_y
        along = away_x * (step_x * length)
        along += away_y * (step_y * length)
        np.clip(along, 0, 1, out=along)
        away_x -= along * step_x
        away_y -= along * step_y
        away_x *= away_x
        away_y *= away_y
        away_x += away_y
        np.minimum(nearest, away_x, out=nearest)
    return np.sqrt(nearest) - per_image(uniform(random, 0.06, 0.24, x.shape[:1]))


SHAPES: tuple[Shape, ...] = (
    ellipse, rectangle, polygon, star, blob, ring, cross, band, stroke
)  # fmt: skip
# Shares of the shapes in scenes of surfaces and objects, and in drawings of symbols.
SCENE_SHARES = np.array([0.2, 0.19, 0.19, 0.05, 0.06, 0.07, 0.07, 0.07, 0.1])
SYMBOL_SHARES = np.array([0.02, 0.02, 0.02, 0.01, 0.02, 0.1, 0.05, 0.01, 0.75])


def distances(
    kinds: Array, x: Array, y: Array, random: np.random.Generator, choices: tuple[Shape, ...]
) -> Array:
    """Return what `choices[kinds[i]]` returns for image i. Each choice is computed as one batch.

    Args:
        kinds: Place in `choices` for each image, `(count,)`.
        x: Horizontal coordinates, `(count, height, width)`.
        y: Vertical coordinates, `(count, height, width)`.
        random: Generator of the random numbers.
        choices: Functions of `x`, `y` and `random`.
    """
    result = np.empty_like(x)
    for kind, function in enumerate(choices):
        chosen = np.flatnonzero(kinds == kind)
        if chosen.size:
            result[chosen] = function(x[chosen], y[chosen], random)
    return result


def _box(x: Array, y: Array, half_width: Array | float, half_height: Array | float) -> Array:
    across, up = np.abs(x) - half_width, np.abs(y) - half_height
    outside = np.hypot(np.maximum(across, 0), np.maximum(up, 0))
    return outside + np.minimum(np.maximum(across, up), 0)


def _pen_path(count: int, random: np.random.Generator) -> tuple[Array, Array]:
    """Return the points of lines that fill the square from -1 to 1, each `(count, points)`.

    A line has up to three pieces, each straight or bent to one side, some with corners between.
    """
    place = np.linspace(0, 1, _STROKE_SEGMENTS, dtype=np.float32)[None]
    angle = uniform(random, 0, 2 * np.pi, (count, 1)) + 0 * place
    for start in np.sort(uniform(random, -0.4, 0.9, (count, 3, 1)), 1).swapaxes(0, 1):
        bend = uniform(random, -7, 7, (count, 1)) * chance(random, 0.7, (count, 1))
        corner = uniform(random, -2.8, 2.8, (count, 1)) * chance(random, 0.35, (count, 1))
        along = place - np.maximum(start, 0)
        angle += np.where(along > 0, corner + bend * along, 0)
    paths = []
    for steps in (np.cos(angle), np.sin(angle)):
        path = np.concatenate([np.zeros((count, 1), np.float32), np.cumsum(steps, 1)], 1)
        paths.append(path - (path.max(1, keepdims=True) + path.min(1, keepdims=True)) / 2)
    radius = np.maximum(*(np.abs(path).max(1, keepdims=True) for path in paths))
    return paths[0] / radius, paths[1] / radius
