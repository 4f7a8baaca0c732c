"""Augmentation of a batch inside a train step: reproducible, and in the range of the images."""

from __future__ import annotations

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
    drawn = (count * replicas.count(), 1)
    places = []
    for axis, side in enumerate((height, width)):
        reach = side // 8
        shift = tf.random.stateless_uniform(drawn, key + [1, axis], -reach, reach + 1, tf.int32)
        place = tf.abs(tf.range(side)[None] + replicas.own(shift))  # reflected at the first pixel
        places.append((side - 1) - tf.abs((side - 1) - place))  # and at the last one
    rows, columns = places
    if augmentation == "shift_flip":
        mirrored = tf.random.stateless_uniform(drawn, key + [1, 2]) < 0.5
        columns = tf.where(replicas.own(mirrored), (width - 1) - columns, columns)
    # One gather of whole pixels is several times faster than one for each axis.
    places = rows[:, :, None] * width + columns[:, None, :]
    pixels = tf.reshape(images, (count, height * width, images.shape[-1]))
    moved = tf.gather(pixels, tf.reshape(places, (count, height * width)), batch_dims=1)
    return tf.reshape(moved, images.shape)


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
