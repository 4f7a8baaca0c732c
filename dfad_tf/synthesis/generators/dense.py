"""A dense generator, for vectors."""

from __future__ import annotations

from collections.abc import Sequence

import keras


def dense_generator(
    latent_size: int,
    output_shape: tuple[int, ...],
    mean: Sequence[float],
    std: Sequence[float],
    units: Sequence[int] = (64, 64),
    name: str = "dense",
) -> keras.Model:
    """Build a generator of dense layers with batch norm, for vectors such as the two moons.

    Args:
        latent_size: Length of the latent vector.
        output_shape: `(features,)`, or the shape of an image, which is filled row by row.
        mean: Mean of each channel of the outputs, in the teacher's input units.
        std: Standard deviation of each channel.
        units: Widths of the hidden layers.
        name: Name of the model.

    Returns:
        A model from latents `(batch, latent_size)` to `(batch, *output_shape)`.
    """
    inputs = keras.Input((latent_size,), name="latent")
    x = inputs
    for count in units:
        x = keras.layers.Dense(count)(x)
        x = keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)
        x = keras.layers.LeakyReLU(0.2)(x)
    size = 1
    for side in output_shape:
        size *= side
    x = keras.layers.Reshape(output_shape)(keras.layers.Dense(size)(x))
    # Batch norm keeps the standard deviation of the points equal to that of the data.
    x = keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, center=False, scale=False)(x)
    outputs = keras.layers.Rescaling(
        scale=list(map(float, std)), offset=list(map(float, mean)), dtype="float32"
    )(x)
    return keras.Model(inputs, outputs, name=name)
