"""The number of parameters, as published tables count it."""

import keras
import numpy as np

from dfad_tf import models
from dfad_tf.graphs.parameters import trainable_parameters

layers = keras.layers


def test_a_frozen_model_has_the_parameters_that_training_would_update():
    model = models.build("compact_4", (16, 16, 3), 5, [1.0] * 3, [2.0] * 3)
    expected = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    model.trainable = False
    assert trainable_parameters(model) == expected > 0


def test_statistics_preprocessing_and_seeds_do_not_count():
    normalization = layers.Normalization()
    normalization.adapt(np.zeros((1, 4, 4, 2)))  # creates variables: a mean, a variance, a count
    inner = [normalization, layers.BatchNormalization()]
    others = [layers.Dropout(0.5, seed=1), layers.Flatten(), layers.Dense(3)]
    model = keras.Sequential([keras.Input((4, 4, 2)), *inner, *others])
    assert trainable_parameters(model) == 2 + 2 + 32 * 3 + 3  # scale, offset, kernel, bias
