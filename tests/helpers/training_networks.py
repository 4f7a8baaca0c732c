"""Networks whose training form must give the same results."""

import keras
import numpy as np

from tests.conftest import small_classifier, weights

layers = keras.layers
SHAPE = (8, 8, 1)


def normal(*shape, seed=0):
    random = np.random.default_rng(seed)
    return random.normal(1.0, 2.0, shape).astype("float32")


def nested():
    """A model in a model in a model, with batch norm in each."""
    images = keras.Input((6, 6, 2))
    inner = keras.Model(images, layers.BatchNormalization()(layers.Conv2D(2, 3)(images)))
    middle = keras.Sequential(
        [keras.Input((8, 8, 2)), layers.Conv2D(2, 3), layers.BatchNormalization(), inner]
    )
    outer = keras.Input(SHAPE)
    x = middle(layers.BatchNormalization()(layers.Conv2D(2, 3, padding="same")(outer)))
    return keras.Model(outer, layers.Dense(3)(layers.Flatten()(x)))


def shared():
    """Layers that are called twice, one of them also in an inner model."""
    convolution = layers.Conv2D(2, 3, padding="same")
    norm = layers.BatchNormalization(momentum=0.5)
    inputs = keras.Input((8, 8, 2))
    inner = keras.Model(inputs, layers.ReLU()(convolution(inputs)))
    outer = keras.Input(SHAPE)
    x = norm(convolution(layers.Concatenate()([outer, outer])))
    x = layers.Add()([norm(inner(x)), inner(x)])
    return keras.Model(outer, layers.Dense(3)(layers.Flatten()(x)))


def branches():
    """Two branches whose weights have the same shapes, joined in the other order."""
    inputs = keras.Input(SHAPE)
    first, second = (layers.BatchNormalization()(layers.Conv2D(2, 3)(inputs)) for _ in range(2))
    second = layers.Conv2D(2, 1)(second)
    x = layers.Concatenate()([second, first])
    return keras.Model(inputs, layers.Dense(3)(layers.Flatten()(x)))


def wide():
    """Convolutions with enough filters for the training form's own gradient computation."""
    hidden = [layers.Conv2D(32, 3, strides=strides, activation="relu") for strides in (1, 2)]
    return keras.Sequential([keras.Input(SHAPE), *hidden, layers.Flatten(), layers.Dense(3)])


def random_layers():
    """Dropout, whose seed is a part of the network's state."""
    return keras.Sequential(
        [keras.Input(SHAPE), layers.Flatten(), layers.Dropout(0.5, seed=3), layers.Dense(3)]
    )


def partly_frozen():
    network = small_classifier(batch_norm=True)
    network.layers[0].trainable = network.layers[1].trainable = False
    return network


def compiled():
    network = small_classifier(batch_norm=True)
    network.compile("adam", "mse", metrics=["accuracy"])
    return network


def twins(build):
    """The same network twice, with equal weights that are not the initial ones."""
    first, second = build(), build()
    random = np.random.default_rng(5)
    values = [
        w if w.dtype.kind in "iu" else w + random.uniform(0.1, 0.5, w.shape) for w in weights(first)
    ]
    for network in (first, second):
        network.set_weights(values)
    return first, second


NETWORKS = [
    lambda: small_classifier(batch_norm=True),
    nested,
    shared,
    branches,
    wide,
    random_layers,
    partly_frozen,
    compiled,
]
