"""Images of a trained generator."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from dfad_tf.compute.prediction import predict
from dfad_tf.compute.randomness import stateless_latent

_MAX_VALUES = 2**28


def generated_images(generator: keras.Model, count: int, seed: int = 1) -> np.ndarray:
    """Generate images in the teacher's input range from latents that training does not use.

    Args:
        generator: A model from latents to images.
        count: Number of images; it is reduced if the images would take more than a gigabyte.
        seed: Seed of the latents.

    Returns:
        float32 `(count, height, width, channels)`.
    """
    count = max(1, min(count, _MAX_VALUES // int(np.prod(generator.output_shape[1:]))))
    key = tf.constant([seed, 0x5EED], tf.int32)
    latent = stateless_latent(count, generator.input_shape[-1], key)
    return predict(generator, latent)
