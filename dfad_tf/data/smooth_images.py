"""Smooth random images, generated without any data."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

ORDINARY_MEAN, ORDINARY_STD = 115.0, 64.0  # of photographs, in raw pixels


def smooth_images(count: int, shape: tuple[int, int, int], seed: int = 0) -> np.ndarray:
    """Generate smooth random images with the mean and the contrast of photographs.

    Args:
        count: Number of images.
        shape: `(height, width, channels)`.
        seed: Seed of the images.

    Returns:
        Raw pixels from 0 to 255, float32 `(count, height, width, channels)`.
    """
    random = np.random.default_rng(seed)
    coarse = random.normal(size=(count, 5, 5, shape[2])) * 0.5 + random.normal(
        size=(count, 5, 5, 1)
    )
    smooth = tf.image.resize(coarse, shape[:2], "bicubic").numpy()
    smooth = (smooth - smooth.mean()) / smooth.std()
    return np.clip(smooth * ORDINARY_STD + ORDINARY_MEAN, 0, 255).astype(np.float32)
