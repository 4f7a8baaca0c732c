"""Predict the classes of many images."""

from __future__ import annotations

import keras
import numpy as np

from dfad_tf.compute.pipelines import in_batches

_BATCH = 100


def predict_classes(model: keras.Model, inputs: np.ndarray) -> np.ndarray:
    """Return the class with the largest output for each input.

    Args:
        model: A classifier.
        inputs: `(n, height, width, channels)`, in the model's input range.

    Returns:
        int64 `(n,)`.

    Example:

    >>> predict_classes(student, images).shape
    (4,)
    """
    return np.argmax(predict(model, inputs), axis=-1)


def predict(model: keras.Model, inputs: np.ndarray) -> np.ndarray:
    """Return the outputs of a model for many inputs, computed in batches.

    Args:
        model: A model with one input and one output.
        inputs: `(n, …)`, in the model's input range.

    Returns:
        `(n, …)`.

    Example:

    >>> predict(student, images).shape
    (4, 3)
    """
    return model.predict(in_batches(inputs, _BATCH), verbose=0)
