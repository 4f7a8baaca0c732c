"""Small residual networks with weights and statistics as if they were trained."""

import keras
import numpy as np

from dfad_tf.models.resnet import resnet

layers = keras.layers


def deep(blocks=(3, 2), widths=(4, 6), shape=(8, 8, 3), classes=3, projection=False, **settings):
    """A ResNet of basic blocks whose batch normalizations all have statistics of their own."""
    return randomized(resnet(shape, classes, blocks, widths, projection, **settings))


def randomized(model, seed=0):
    """Set the weights of batch normalizations, which are all alike in a new network."""
    random = np.random.default_rng(seed)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            low = (0.5, -0.5, -0.5, 0.5)[-len(layer.weights) :]
            layer.set_weights(
                [random.uniform(a, a + 1, w.shape) for a, w in zip(low, layer.weights, strict=True)]
            )
    return model


def make_idle(block):
    """Let the path of a block add nothing to its shortcut."""
    for layer in block.signature.layers:
        if isinstance(layer, layers.BatchNormalization):
            gamma, beta, *statistics = layer.get_weights()
            layer.set_weights([0 * gamma, 0 * beta, *statistics])


def linear_blocks(count, width=3, hidden=6, activation=None):
    """Bottlenecks of 1×1 convolutions: one of them can compute what several do, if linear."""
    inputs = keras.Input((4, 4, width))
    x = layers.Conv2D(width, 1)(inputs)
    for _ in range(count):
        y = layers.Conv2D(hidden, 1, use_bias=False)(x)
        y = layers.BatchNormalization()(y)
        y = layers.Activation(activation or "linear")(y)
        y = layers.Conv2D(width, 1, use_bias=False)(y)
        x = layers.Add()([layers.BatchNormalization()(y), x])
    outputs = layers.Dense(2)(layers.Flatten()(x))
    return randomized(keras.Model(inputs, outputs))


def images(count=16, shape=(8, 8, 3), seed=0):
    return np.random.default_rng(seed).normal(size=(count, *shape)).astype("float32")


def answers(model, inputs):
    return keras.ops.convert_to_numpy(model(inputs, training=False))
