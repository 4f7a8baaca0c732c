"""Run a network with the statistics of the batch, without updating its own."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


def as_in_training(generator: keras.Model, latent: Any) -> Any:
    """Return images by the statistics of their batch, and move no moving ones.

    Moving statistics lag behind a generator that is young or moves fast: by them, images that
    differ in training may look all alike.

    Args:
        generator: The generator.
        latent: `(batch, latent)`.
    """
    trained, others = (
        [tf.convert_to_tensor(variable.value) for variable in variables]
        for variables in (generator.trainable_variables, generator.non_trainable_variables)
    )
    return generator.stateless_call(trained, others, latent, training=True)[0]
