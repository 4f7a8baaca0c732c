"""Batches of labelled images, with augmentation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from dfad_tf.compute.pipelines import without_autotune
from dfad_tf.utils.errors import InputError

AUGMENTATIONS = ("none", "crop", "crop_flip", "crop_flip_cutout")


@dataclass(frozen=True)
class EpochOrder:
    """Which images the epochs of `fit` consist of, and in which order.

    Attributes:
        seed: Seed of the order and of the augmentation.
        count: Images per epoch; None is the number of images. If it is larger, images are
            repeated.
        first_epoch: The epoch whose order comes first, so that an interrupted run resumes with
            the order that an uninterrupted run has.
    """

    seed: int = 0
    count: int | None = None
    first_epoch: int = 0


def channel_statistics(images: np.ndarray) -> tuple[list[float], list[float]]:
    """Compute the mean and the standard deviation of each channel.

    Args:
        images: uint8 `(n, height, width, channels)`.

    Returns:
        Means and standard deviations in raw pixels. The latter are at least 1.
    """
    sample = images[:: max(1, len(images) // 10000)].astype(np.float64)
    mean, std = sample.mean((0, 1, 2)), sample.std((0, 1, 2))
    return mean.tolist(), np.maximum(std, 1.0).tolist()


def labelled_batches(
    images: np.ndarray,
    labels: np.ndarray,
    batch_size: int,
    augmentation: str = "none",
    order: EpochOrder | None = None,
    drop_remainder: bool = False,
) -> tf.data.Dataset:
    """Return a data set that gives one epoch of labelled images in random order per iteration.

    Args:
        images: uint8 `(n, height, width, channels)`.
        labels: `(n,)`.
        batch_size: Images per batch.
        augmentation: One of `AUGMENTATIONS`.
        order: Images, order and seed of the epochs; None is the default `EpochOrder`.
        drop_remainder: Whether an incomplete last batch is dropped, as replicas require.

    Returns:
        Batches of images and labels.

    Raises:
        InputError: If the augmentation is unknown.
    """
    if augmentation not in AUGMENTATIONS:
        raise InputError(
            f"Expected `augmentation` to be one of {', '.join(AUGMENTATIONS)}. "
            f"Received: {augmentation!r}"
        )
    order = order or EpochOrder()
    data = tf.data.Dataset.from_tensor_slices((images, labels))
    data = data.shuffle(len(images), seed=order.seed)
    count = order.count or len(images)
    # Each earlier epoch has drawn the order of its passes over the images, and one more: `fit`
    # of Keras also opens an iterator after the last step of an epoch, and drops it when the next
    # epoch begins.
    for _ in range(order.first_epoch * (-(-count // len(images)) + 1)):
        iter(data)
    if count > len(images):
        data = data.repeat().take(count)
    if augmentation != "none":
        seed = order.seed
        keys = tf.data.Dataset.counter()
        data = tf.data.Dataset.zip(data, keys).map(
            lambda pair, key: (_augment(pair[0], (seed, key), augmentation), pair[1]),
            num_parallel_calls=tf.data.AUTOTUNE,
        )
    data = data.batch(batch_size, drop_remainder=drop_remainder).prefetch(tf.data.AUTOTUNE)
    return without_autotune(data) if augmentation == "none" else data


def _augment(image: tf.Tensor, seed: tuple[int, tf.Tensor | int], kind: str) -> tf.Tensor:
    key = tf.stack([tf.cast(part, tf.int32) for part in seed])
    shape = image.shape
    image = tf.pad(image, [[4, 4], [4, 4], [0, 0]])
    image = tf.image.stateless_random_crop(image, shape, key)
    if "flip" in kind:
        image = tf.image.stateless_random_flip_left_right(image, key + [1, 0])
    if "cutout" in kind:
        centre = tf.random.stateless_uniform((2,), key + [2, 0])
        rows = _outside_window(shape[0], centre[0])[:, None, None]
        columns = _outside_window(shape[1], centre[1])[None, :, None]
        image = image * tf.cast(rows | columns, image.dtype)
    return image


def _outside_window(side: int, position: tf.Tensor) -> tf.Tensor:
    """Return which of `side` pixels are outside a window of half the side.

    Args:
        side: Number of pixels.
        position: Centre of the window as a share of the side, in [0, 1).
    """
    centre = position * side
    return tf.abs(tf.range(side, dtype=tf.float32) - centre) > side / 4
