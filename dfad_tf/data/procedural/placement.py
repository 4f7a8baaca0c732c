"""Where the shapes of a scene lie: anywhere, or as the parts of one object."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dfad_tf.data.procedural.draws import Array, chance, log_uniform, normal, per_image, uniform

_REPEATED, _REPEATED_PARTS = 0.25, 0.5  # shares of the shapes that are repeated in a row


@dataclass(frozen=True)
class Placement:
    """The place of one shape in each of several images; one entry for each image.

    Attributes:
        center_x: Place of the centre from left to right; the shorter side is from -1 to 1.
        center_y: Place of the centre from top to bottom.
        half_width: Radius along the shape's own horizontal axis.
        half_height: Radius along its own vertical axis.
        angle: Angle between its own axes and those of the image.
        copies: Number of copies in a row.
        period: Distance between neighbouring copies.
    """

    center_x: Array
    center_y: Array
    half_width: Array
    half_height: Array
    angle: Array
    copies: Array
    period: Array

    def local(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Convert coordinates of the images to those in which each shape has radius 1."""
        x, y = x - per_image(self.center_x), y - per_image(self.center_y)
        period, last = per_image(self.period), per_image(self.copies - 1)
        # Each pixel belongs to the nearest copy.
        x -= period * (np.clip(np.rint(x / period + last / 2), 0, last) - last / 2)
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        local_x = x * per_image(cos / self.half_width) + y * per_image(sin / self.half_width)
        local_y = y * per_image(cos / self.half_height) - x * per_image(sin / self.half_height)
        return local_x, local_y

    def chosen(self, images: Array) -> Placement:
        """Return the places in some of the images."""
        return Placement(*(getattr(self, name)[images] for name in self.__dataclass_fields__))


def anywhere(
    size: Array, spread: Array, symbol: Array, upright: Array, random: np.random.Generator
) -> Placement:
    """Draw places around the centre of the images.

    Args:
        size: Radius of each shape.
        spread: Standard deviation of the distance from the centre of the image.
        symbol: Whether a shape is a stroke of a symbol; it is neither long nor repeated.
        upright: Whether a shape must not be turned.
        random: Generator of the random numbers.
    """
    one = size.shape
    stretch = np.exp(np.where(symbol, 0.6, 1) * normal(random, 0.4, one))
    # Upright shapes are as frequent as all others together.
    turned = chance(random, 0.5, one) & ~upright
    repeated = chance(random, _REPEATED, one) & ~symbol & ~upright
    return Placement(
        center_x=normal(random, 1, one) * spread,
        center_y=normal(random, 1, one) * spread,
        half_width=(size * stretch).astype(np.float32),
        half_height=(size / stretch).astype(np.float32),
        angle=uniform(random, -np.pi, np.pi, one) * turned,
        copies=np.where(repeated, random.integers(2, 5, one), 1).astype(np.float32),
        period=(size * uniform(random, 1.2, 3, one)).astype(np.float32),
    )


def attached(body: Placement, random: np.random.Generator) -> Placement:
    """Draw places of parts on a body: below it as wheels and legs, above it, and on it."""
    one = body.angle.shape
    size = np.minimum(body.half_width, body.half_height) * log_uniform(random, 0.12, 0.7, one)
    stretch = np.exp(normal(random, 0.6, one))
    edge = random.choice(np.array([1.0, -1.0, 0.0], np.float32), one, p=(0.4, 0.2, 0.4))
    height = np.where(edge == 0, uniform(random, -0.8, 0.8, one), edge)
    repeated = chance(random, _REPEATED_PARTS, one)
    copies = np.where(repeated, random.integers(2, 6, one), 1).astype(np.float32)
    aside = np.where(repeated, 0.1, 1) * uniform(random, -0.9, 0.9, one)
    return Placement(
        center_x=(body.center_x + aside * body.half_width).astype(np.float32),
        center_y=body.center_y + height * body.half_height,
        half_width=size * stretch,
        half_height=size / stretch,
        angle=uniform(random, -np.pi, np.pi, one) * chance(random, 0.2, one),
        copies=copies,
        period=2 * body.half_width * uniform(random, 0.6, 1.1, one) / copies,
    )


def combined(first: Placement, second: Placement, use_second: Array) -> Placement:
    """Return the places of `second` where `use_second` is true, and those of `first` elsewhere."""
    names = Placement.__dataclass_fields__
    return Placement(*(np.where(use_second, getattr(second, n), getattr(first, n)) for n in names))
