"""Networks whose gradients do not overwrite memory."""

from __future__ import annotations

import keras

from dfad_tf.compute.fast_layers import ProductGradientConv2D, overwrites_memory
from dfad_tf.compute.keras_internals import all_layers
from dfad_tf.graphs.layer_graph import copy_layer


def unsafe_layers(network: keras.Model) -> list[keras.layers.Layer]:
    """Return the convolutions of a network that end the process in training on some processors.

    Args:
        network: A network. Layers that are frozen have no gradient.

    Example:

    >>> [layer.strides for layer in unsafe_layers(models.build("compact_8", (32, 32, 3), 10))]
    [(2, 2)]
    """
    return [
        layer
        for layer in all_layers(network)
        if type(layer) is keras.layers.Conv2D
        and layer.built
        and layer.trainable
        and overwrites_memory(layer, layer.kernel.shape[2])
    ]


def safe_copy(network: keras.Model) -> keras.Model:
    """Return a network of equal weights for training in Keras's `fit`.

    Args:
        network: A graph of layers.

    Returns:
        A copy in which other layers compute the same function; the network itself if all of its
        gradients are safe.

    Example:

    >>> network = models.build("compact_8", (32, 32, 3), 10)
    >>> unsafe_layers(safe_copy(network))
    []
    """
    unsafe = set(map(id, unsafe_layers(network)))
    if not unsafe:
        return network

    def copy(layer: keras.layers.Layer) -> keras.layers.Layer:
        if id(layer) in unsafe:
            return ProductGradientConv2D.from_config(layer.get_config())
        return copy_layer(layer)

    found = keras.models.clone_model(network, clone_function=copy, recursive=True)
    found.set_weights(network.get_weights())
    return found
