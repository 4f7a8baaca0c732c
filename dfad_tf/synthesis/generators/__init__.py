"""Generators by name."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import keras

from dfad_tf.synthesis.generators.convolutional import (
    compact_generator,
    dfad_generator,
    full_generator,
)
from dfad_tf.synthesis.generators.dense import dense_generator
from dfad_tf.synthesis.generators.pixels import pixel_generator
from dfad_tf.synthesis.generators.translator import translator_generator
from dfad_tf.utils import names
from dfad_tf.utils.errors import InputError

GENERATORS: dict[str, Callable[..., keras.Model]] = {
    "dfad": dfad_generator,
    "compact": compact_generator,
    "compact_32": functools.partial(compact_generator, width=32),
    "compact_64": functools.partial(compact_generator, width=64),
    "full_16": functools.partial(full_generator, width=16),
    "full_32": functools.partial(full_generator, width=32),
    "translator_16": functools.partial(translator_generator, width=16),
    "translator_32": functools.partial(translator_generator, width=32),
    "pixels": pixel_generator,
    "pixel_pyramid": functools.partial(pixel_generator, levels=3, name="pixel_pyramid"),
    "dense": dense_generator,
}
_PLAIN = (dfad_generator, dense_generator)  # without a range and classes


def build(
    name: str,
    latent_size: int,
    output_shape: tuple[int, ...],
    mean: Sequence[float],
    std: Sequence[float],
    value_range: tuple[Sequence[float], Sequence[float]] | None = None,
    num_classes: int = 0,
) -> keras.Model:
    """Build an untrained generator by name.

    Args:
        name: A name in `GENERATORS`.
        latent_size: Length of the latent vector, at least 1.
        output_shape: Shape of the teacher's input, without the batch dimension.
        mean: Mean of each channel of ordinary images, in the teacher's input units.
        std: Standard deviation of each channel.
        value_range: Minimum and maximum of each channel of the images, which all generators
            except "dfad" and "dense" then respect. None leaves the images unbounded.
        num_classes: Number of classes that the compact and the full generators are conditioned
            on; 0 for none. The input then has as many further values.

    Returns:
        A model from latents `(batch, latent_size)`, with further values for `num_classes`, to
        the teacher's input.

    Raises:
        InputError: If the name is unknown or the generator does not support the shape.

    Example:

    >>> generator = generators.build("compact", 100, (32, 32, 1), [33.3], [78.6])
    """
    builder = names.look_up(GENERATORS, name, "generator")
    if len(output_shape) != 3 and builder is not dense_generator:
        raise InputError(
            f"Expected `output_shape` (height, width, channels) for the generator {name!r}; the "
            f"generator 'dense' supports vectors. Received: {output_shape}"
        )
    shape = tuple(output_shape)
    if builder in _PLAIN:
        return builder(latent_size, shape, mean, std)
    return builder(latent_size, shape, mean, std, value_range=value_range, num_classes=num_classes)


def check_name(name: str) -> None:
    """Check the name of a generator without building it.

    Args:
        name: The name.

    Raises:
        InputError: If the name is unknown; the nearest name is suggested.
    """
    names.look_up(GENERATORS, name, "generator")
