"""What a camera does to a scene: light, blur, noise, and the choice of the exposure."""

from __future__ import annotations

import numpy as np

from dfad_tf.data.procedural.draws import Array, chance, log_uniform, normal, uniform

# Mean and standard deviation that a scene gets, in raw pixels, and the spread of both between
# images (of the logarithm for the standard deviation). Clipping to black and white reduces the
# standard deviation to about 60, as in photographs.
_MEAN, _MEAN_SPREAD = 120.0, 34.0
_STD, _STD_SPREAD = 70.0, 0.35
_MAX_GAIN = 3.0


def photograph(images: Array, symbol: Array, random: np.random.Generator) -> Array:
    """Turn rendered scenes into raw pixels.

    Args:
        images: Float32 `(count, channels, height, width)`, with 0 for black and 1 for white.
        symbol: Whether an image is a drawing, whose background stays as dark as it is.
        random: Generator of the random numbers.

    Returns:
        Float32 of the same shape, 0 to 255.
    """
    count = len(images)
    images = _blurred(images * np.float32(255), random)
    images = np.where(_broadcast(symbol), images, _exposed(images, random))
    level = log_uniform(random, 1, 20, (count,)) * chance(random, 0.3, (count,))
    level = np.where(symbol & chance(random, 0.7, (count,)), 0, level)
    noisy = np.flatnonzero(level)
    noise = normal(random, 1, (noisy.size, *images.shape[1:]))
    images[noisy] += noise * _broadcast(level[noisy])
    return np.clip(images, 0, 255, out=images).astype(np.float32)


def _broadcast(values: Array) -> Array:
    return values[:, None, None, None]


def _exposed(images: Array, random: np.random.Generator) -> Array:
    """Bring images to a random mean and contrast, as photographs have them."""
    count = len(images)
    mean = images.mean(axis=(1, 2, 3))
    std = images.std(axis=(1, 2, 3))
    wanted = _STD * np.exp(normal(random, _STD_SPREAD, (count,)))
    # Scenes that are nearly plain stay so; a large gain would leave nothing but their grain.
    gain = np.clip(wanted / np.maximum(std, 1e-3), 0, _MAX_GAIN).astype(np.float32)
    target = np.clip(_MEAN + normal(random, _MEAN_SPREAD, (count,)), 10, 245)
    return (images - _broadcast(mean)) * _broadcast(gain) + _broadcast(target)


def _blurred(images: Array, random: np.random.Generator) -> Array:
    """Blur a share of the images. The widest blur grows with the size of the image."""
    step, widest = 1, max(2, min(images.shape[2:]) // 12)
    strength = uniform(random, 0, 1, (len(images),)) * chance(random, 0.25, (len(images),))
    while step <= widest:
        chosen = np.flatnonzero(strength > step / (2 * widest))
        for axis in (2, 3):
            images[chosen] = _smoothed(images[chosen], step, axis)
        step *= 2
    return images


def _smoothed(images: Array, step: int, axis: int) -> Array:
    """Average each pixel with those `step` pixels away on both sides, with weights 1, 2, 1."""
    length = images.shape[axis]
    place = np.arange(length)
    before = np.take(images, np.maximum(place - step, 0), axis)
    after = np.take(images, np.minimum(place + step, length - 1), axis)
    return (before + after + 2 * images) * np.float32(0.25)
