"""Augmentation of a batch inside a train step: reproducible, and in the range of the images."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from dfad_tf.compute import replicas

AUGMENTATIONS = ("none", "shift", "shift_flip")


def augment_batch(images: tf.Tensor, key: tf.Tensor, augmentation: str) -> tf.Tensor:
    """Shift each image by a random number of pixels, and mirror every second one on average.

    A shift of up to an eighth of the side continues the image by its reflection, so that no
    value occurs that the image does not have.

    Args:
        images: `(batch, height, width, channels)`.
        key: From `randomness.stateless_seed`.
        augmentation: `"none"`, `"shift"`, or `"shift_flip"` to mirror as well.

    Returns:
        Images of the same shape and type.

    Example:

    >>> augment_batch(tf.ones((2, 8, 8, 1)), tf.constant([0, 1]), "shift").shape
    TensorShape([2, 8, 8, 1])
    """
    if augmentation == "none":
        return images
    count, height, width = images.shape[:3]
    places = []
    for axis, side in enumerate((height, width)):
        place = tf.abs(_shifts(count, side, key + [1, axis]))  # reflected at the first pixel
        places.append((side - 1) - tf.abs((side - 1) - place))  # and at the last one
    rows, columns = places
    if augmentation == "shift_flip":
        columns = tf.where(_mirrored(count, key), (width - 1) - columns, columns)
    # One gather of whole pixels is several times faster than one for each axis.
    places = rows[:, :, None] * width + columns[:, None, :]
    pixels = tf.reshape(images, (count, height * width, images.shape[-1]))
    moved = tf.gather(pixels, tf.reshape(places, (count, height * width)), batch_dims=1)
    return tf.reshape(moved, images.shape)


def crop_batch(
    images: tf.Tensor, key: tf.Tensor, augmentation: str, fill: Sequence[float]
) -> tf.Tensor:
    """Shift images as `augment_batch` does, and fill the border with a constant colour.

    This is the crop with black padding that most teachers were trained with, so their batch-norm
    statistics describe images with such borders. Gradients pass through it at little cost: it is
    a product with two matrices of zeros and ones.

    Args:
        images: `(batch, height, width, channels)`, float.
        key: From `randomness.stateless_seed`.
        augmentation: `"none"`, `"shift"`, or `"shift_flip"` to mirror as well.
        fill: Colour of the border, one value for each channel.

    Returns:
        Images of the same shape and type.
    """
    if augmentation == "none":
        return images
    count, height, width = images.shape[:3]
    rows, columns = (
        _shifts(count, side, key + [1, axis])[:, :, None] == tf.range(side)[None, None]
        for axis, side in enumerate((height, width))
    )
    if augmentation == "shift_flip":
        mirrored = _mirrored(count, key)[:, :, None]
        columns = tf.where(mirrored, columns[:, :, ::-1], columns)
    border = tf.constant(list(fill), images.dtype)
    matrices = (tf.cast(matrix, images.dtype) for matrix in (rows, columns))
    return tf.einsum("bij,bjkc,blk->bilc", next(matrices), images - border, next(matrices)) + border


def _shifts(count: int, side: int, key: tf.Tensor) -> tf.Tensor:
    """Return for each image the places, from outside as well, that its pixels are read from."""
    reach = side // 8
    drawn = (count * replicas.count(), 1)
    shift = tf.random.stateless_uniform(drawn, key, -reach, reach + 1, tf.int32)
    return tf.range(side)[None] + replicas.own(shift)


def _mirrored(count: int, key: tf.Tensor) -> tf.Tensor:
    drawn = (count * replicas.count(), 1)
    return replicas.own(tf.random.stateless_uniform(drawn, key + [1, 2])) < 0.5


def mix_batch(images: tf.Tensor, key: tf.Tensor, share: float) -> tf.Tensor:
    """Blend a share of the images, each with another image of the batch.

    The teacher answers the blended images themselves, unlike in virtual interpolation, whose
    target is blended as well.

    Args:
        images: `(batch, height, width, channels)`.
        key: From `randomness.stateless_seed`.
        share: Share of the images that are blended, from 0 to 1.

    Returns:
        Images of the same shape.

    Reference:
        Zhang et al., mixup, arXiv 1710.09412; Beyer et al., arXiv 2106.05237, for distillation.
    """
    devices = replicas.count()
    count = round(images.shape[0] * devices * share) // devices
    if not count:
        return images
    shape = (count * devices, *[1] * (len(images.shape) - 1))
    weight = replicas.own(tf.random.stateless_uniform(shape, key + [2, 0]))
    weight = tf.cast(weight, images.dtype)
    mixed = weight * images[:count] + (1 - weight) * replicas.neighbors(images)[:count]
    return tf.concat([mixed, images[count:]], 0)
