"""Generators that synthesize an image of a given class."""

from __future__ import annotations

import keras

_LAYER = "class_embedding"


def conditional_input(
    latent_size: int, num_classes: int, further: int = 0
) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Return the input of a generator, and the latents that its first layer reads.

    With classes, the input has one further value for each class, and the class of the largest
    of them is embedded. Standard normal inputs therefore give images of all classes equally
    often, so that a conditional generator is called like any other.

    Args:
        latent_size: Length of the latent vector, without the values of the classes.
        num_classes: Number of classes; 0 for a generator without classes.
        further: Number of values between latents and classes, which the generator uses itself.

    Returns:
        The input `(batch, latent_size + further + num_classes)`, and a tensor `(batch, …)`.
    """
    inputs = keras.Input((latent_size + further + num_classes,), name="latent")
    if not num_classes:
        return inputs, inputs[:, :latent_size] if further else inputs
    labels = keras.ops.argmax(inputs[:, latent_size + further :], axis=-1)
    normal = keras.initializers.RandomNormal(stddev=1.0)
    embedding = keras.layers.Embedding(
        num_classes, latent_size, embeddings_initializer=normal, name=_LAYER
    )
    return inputs, keras.layers.Concatenate()([inputs[:, :latent_size], embedding(labels)])


def condition_classes(generator: keras.Model) -> int:
    """Return the number of classes that a generator is conditioned on; 0 if it is not.

    Args:
        generator: A model from latents `(batch, latent)` to images.

    Example:

    >>> condition_classes(generator)
    0
    """
    for layer in generator.layers:
        if layer.name == _LAYER:
            return int(layer.input_dim)
    return 0
