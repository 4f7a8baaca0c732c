"""A compiled distiller of small networks."""

import keras
import numpy as np

from dfad_tf.distillation.distiller import DataFreeDistiller
from tests.conftest import small_classifier, small_generator

SHAPE = (8, 8, 1)


def make(method="proposed", student=None, seed=0, **compile_arguments):
    keras.utils.set_random_seed(7)
    distiller = DataFreeDistiller(
        small_classifier(batch_norm=True), student or small_classifier(), small_generator()
    )
    optimizers = (keras.optimizers.Adam(1e-2), keras.optimizers.Adam(1e-2))
    distiller.compile(*optimizers, method, seed=seed, **compile_arguments)
    return distiller


def fit(distiller, epochs=1, steps=2, **arguments):
    return distiller.fit(batch_size=8, epochs=epochs, steps_per_epoch=steps, verbose=0, **arguments)


def labelled(count=32):
    random = np.random.default_rng(0)
    return random.normal(size=(count, *SHAPE)).astype("float32"), random.integers(0, 3, count)
