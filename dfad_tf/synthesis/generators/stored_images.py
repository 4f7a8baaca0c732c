"""A generator that returns stored images, for methods whose images come from no network."""

from __future__ import annotations

import math

import keras
import numpy as np


def stored_images_generator(images: np.ndarray, name: str = "stored_images") -> keras.Model:
    """Build a generator that returns one of some images for each latent vector.

    Standard normal latents give all images equally often.

    Args:
        images: `(n, height, width, channels)` in the teacher's input range.
        name: Name of the model.

    Returns:
        A model from latents `(batch, n)` to images.

    Example:

    >>> generator = stored_images_generator(np.ones((4, 8, 8, 1), "float32"))
    >>> generator(keras.random.normal((2, 4))).shape
    TensorShape([2, 8, 8, 1])
    """
    count, shape = len(images), images.shape[1:]
    inputs = keras.Input((count,), name="latent")
    table = keras.layers.Embedding(count, math.prod(shape), trainable=False, name="images")
    outputs = keras.layers.Reshape(shape, name="image")(table(keras.ops.argmax(inputs, axis=-1)))
    table.set_weights([np.asarray(images, np.float32).reshape(count, -1)])
    return keras.Model(inputs, outputs, name=name)
