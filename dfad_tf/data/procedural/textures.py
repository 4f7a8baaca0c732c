"""Random textures: fields from 0 to 1 that mix the two colours of a surface."""

from __future__ import annotations

import numpy as np

from dfad_tf.data.procedural.draws import Array, chance, log_uniform, normal, per_image, uniform
from dfad_tf.data.procedural.shapes import Shape, distances


def plain(x: Array, _y: Array, _random: np.random.Generator) -> Array:
    """Return the first colour everywhere."""
    return np.zeros_like(x)


def linear(x: Array, _y: Array, random: np.random.Generator) -> Array:
    """Return a gradient along a line."""
    return np.clip(0.5 + x * per_image(log_uniform(random, 0.25, 1.0, x.shape[:1])), 0, 1)


def radial(x: Array, y: Array, random: np.random.Generator) -> Array:
    """Return a gradient around a point, as on a lit ball."""
    center_x = per_image(normal(random, 0.5, x.shape[:1]))
    center_y = per_image(normal(random, 0.5, x.shape[:1]))
    radius = np.hypot(x - center_x, y - center_y)
    return np.clip(radius * per_image(log_uniform(random, 0.35, 1.2, x.shape[:1])), 0, 1)


def stripes(x: Array, _y: Array, random: np.random.Generator) -> Array:
    """Return stripes with edges from soft to sharp."""
    return _edges(_wave(x, random), random)


def checks(x: Array, y: Array, random: np.random.Generator) -> Array:
    """Return a chessboard or dots, with edges from soft to sharp."""
    first, second = _wave(x, random), _wave(y, random)
    dots = per_image(chance(random, 0.5, x.shape[:1]))
    return _edges(np.where(dots, first + second - 0.6, 2 * first * second), random)


_REGULAR: tuple[Shape, ...] = (plain, linear, radial, stripes, checks)
NOISE = len(_REGULAR)  # place of noise among the textures
TEXTURE_SHARES = np.array([0.42, 0.21, 0.14, 0.06, 0.03, 0.14])


def textures(kinds: Array, x: Array, y: Array, noise: Array, random: np.random.Generator) -> Array:
    """Return one texture for each image.

    Args:
        kinds: Place of the texture in `TEXTURE_SHARES`, `(count,)`.
        x: Local horizontal coordinates, `(count, height, width)`.
        y: Local vertical coordinates, in the same shape.
        noise: Noise of mean 0 and standard deviation 1, in the same shape.
        random: Generator of the random numbers.

    Returns:
        Float32 from 0 to 1, in the shape of `x`.
    """
    result = distances(kinds, x, y, random, _REGULAR)
    noisy = np.flatnonzero(kinds == NOISE)
    if noisy.size:
        # A high gain turns smooth noise into patches with sharp edges.
        gain = log_uniform(random, 0.15, 2.0, noisy.shape)
        gain *= np.where(chance(random, 0.5, noisy.shape), 1, -1)
        result[noisy] = np.clip(0.5 + noise[noisy] * per_image(gain), 0, 1)
    return result


def noise_fields(count: int, height: int, width: int, random: np.random.Generator) -> Array:
    """Draw noise whose power falls with the frequency, by a random exponent and in any direction.

    Args:
        count: Number of fields.
        height: Pixels from top to bottom.
        width: Pixels from left to right.
        random: Generator of the random numbers.

    Returns:
        Float32 `(count, height, width)`; each field has mean 0 and standard deviation 1.
    """
    side = min(height, width)
    vertical = side * np.fft.fftfreq(height).astype(np.float32)[None, :, None]
    horizontal = side * np.fft.rfftfreq(width).astype(np.float32)[None, None]
    angle = uniform(random, 0, np.pi, (count,))
    stretch = per_image(log_uniform(random, 1, 4, (count,)))
    across, up = per_image(np.cos(angle)), per_image(np.sin(angle))
    # Most fields look the same in all directions, others have a grain.
    stretch = np.where(per_image(chance(random, 0.6, (count,))), 1, stretch)
    first = (horizontal * across + vertical * up) * stretch
    second = vertical * across - horizontal * up
    power = first * first + second * second
    power[:, 0, 0] = 1
    amplitude = power ** per_image(uniform(random, -1.3, -0.1, (count,)))
    amplitude[:, 0, 0] = 0
    spectrum = normal(random, 1, (*amplitude.shape, 2)).view(np.complex64)[..., 0]
    fields = np.fft.irfft2(spectrum * amplitude, s=(height, width)).astype(np.float32)
    std = fields.std(axis=(1, 2), keepdims=True)
    return fields / np.maximum(std, np.float32(1e-6))


def _wave(along: Array, random: np.random.Generator) -> Array:
    frequency = per_image(log_uniform(random, 2, 14, along.shape[:1]))
    return np.sin(along * frequency + per_image(uniform(random, 0, 2 * np.pi, along.shape[:1])))


def _edges(wave: Array, random: np.random.Generator) -> Array:
    return np.clip(0.5 + wave * per_image(log_uniform(random, 0.5, 4, wave.shape[:1])), 0, 1)
