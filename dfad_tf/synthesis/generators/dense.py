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
    """Dense layers with batch norm, for plain vectors such as the two moons.

    Args:
        latent_size: Length of the latent vector.
        output_shape: `(features,)`, or an image's shape, which is filled row by row.
        mean: Mean of each channel of the outputs, in the teacher's input units.
        std: Deviation of each channel.
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
    # Batch norm keeps the cloud of points as wide as the data's, whatever it learns.
    x = keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, center=False, scale=False)(x)
    outputs = keras.layers.Rescaling(
        scale=list(map(float, std)), offset=list(map(float, mean)), dtype="float32"
    )(x)
    return keras.Model(inputs, outputs, name=name)
