"""Fixtures and small networks that the tests share."""

import logging
import os
import warnings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # as in the commands

import keras
import numpy as np
import pytest
import tensorflow as tf
from absl import logging as absl_logging

# Two logical devices for tests of replicas; TensorFlow accepts them only before it starts.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)


@pytest.fixture(autouse=True)
def _seeded():
    keras.utils.set_random_seed(0)


@pytest.fixture(autouse=True)
def _library_logger(monkeypatch):
    """Undo what an earlier command changed in order to print what the library logs."""
    logger = logging.getLogger("dfad_tf")
    logger.setLevel(logging.NOTSET)
    logger.propagate, logger.handlers[:] = True, []
    logging.getLogger().removeHandler(absl_logging.get_absl_handler())  # added by `app.run`
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)


@pytest.fixture(scope="session")
def two_replicas():
    """A strategy of two logical CPUs, the same for all tests: two would mix their reductions."""
    devices = [device.name for device in tf.config.list_logical_devices("CPU")]
    return tf.distribute.MirroredStrategy(devices)


def small_classifier(shape=(8, 8, 1), classes=3, filters=4, batch_norm=False, softmax=False):
    """A convolutional classifier of a few hundred weights."""
    layers = [keras.Input(shape), keras.layers.Conv2D(filters, 3, activation="relu")]
    if batch_norm:
        layers.append(keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5))
    layers += [
        keras.layers.Flatten(),
        keras.layers.Dense(8, activation="relu", name="hidden"),
        keras.layers.Dense(classes, activation="softmax" if softmax else None, name="head"),
    ]
    return keras.Sequential(layers)


def small_generator(shape=(8, 8, 1), latent=5):
    """A dense generator with batch norm."""
    return keras.Sequential(
        [
            keras.Input((latent,)),
            keras.layers.Dense(int(np.prod(shape))),
            keras.layers.Reshape(shape),
            keras.layers.BatchNormalization(momentum=0.9),
        ]
    )


def weights(model):
    """All variables of a model as arrays."""
    return [np.array(w) for w in model.get_weights()]


def same(first, second):
    """Whether two lists of arrays are equal to the last bit."""
    return len(first) == len(second) and all(
        np.array_equal(a, b) for a, b in zip(first, second, strict=True)
    )
