"""Count the parameters of a network."""

from __future__ import annotations

import keras
import numpy as np

from dfad_tf.compute.keras_internals import all_layers


def trainable_parameters(model: keras.Model) -> int:
    """Count a network's parameters as published tables do, without batch-norm statistics.

    Args:
        model: A network, frozen or not.

    Returns:
        The number of weights that training would update.

    Example:

    >>> trainable_parameters(models.build("lenet5", (32, 32, 1), 10))
    61706
    """
    if hasattr(model, "parameter_count"):  # the weights of a SavedModel are constants
        return int(model.parameter_count)
    statistics = {
        id(variable)
        for layer in all_layers(model)
        if isinstance(layer, keras.layers.BatchNormalization)
        for variable in (layer.moving_mean, layer.moving_variance)
    }
    preprocessing = {
        id(variable)
        for layer in all_layers(model)
        if isinstance(layer, keras.layers.Normalization)
        for variable in layer.variables
    }
    return sum(
        int(np.prod(variable.shape))
        for variable in model.variables
        if id(variable) not in statistics | preprocessing
        and not variable.path.endswith("seed_generator_state")
    )
