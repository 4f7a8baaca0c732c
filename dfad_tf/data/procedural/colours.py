"""Random colours around grey."""

from __future__ import annotations

import numpy as np

from dfad_tf.data.procedural.draws import Array, normal


def chroma(shape: tuple[int, ...], channels: int, random: np.random.Generator) -> Array:
    """Draw offsets of the channels from the lightness, with a standard deviation of about 1."""
    offsets = normal(random, 1, (*shape, channels))
    if channels != 3:
        return offsets
    # Between warm and cool colours lie larger differences than between green and purple.
    warm, green = 1.2 * offsets[..., 0], 0.7 * offsets[..., 1]
    return np.stack([warm - green / 2, green, -warm - green / 2], -1)
