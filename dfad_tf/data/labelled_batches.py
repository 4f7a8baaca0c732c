"""Batches of labelled images, with augmentation."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from dfad_tf.compute.pipelines import without_autotune

AUGMENTATIONS = ("none", "crop", "crop_flip", "crop_flip_cutout")


def channel_statistics(images: np.ndarray) -> tuple[list[float], list[float]]:
    """Return mean and deviation of each channel of uint8 images, in raw pixels."""
    sample = images[:: max(1, len(images) // 10000)].astype(np.float64)
    mean, std = sample.mean((0, 1, 2)), sample.std((0, 1, 2))
    return mean.tolist(), np.maximum(std, 1.0).tolist()


def labelled_batches(
    images: np.ndarray,
    labels: np.ndarray,
    batch_size: int,
    augmentation: str = "none",
    seed: int = 0,
    count: int | None = None,
    first_epoch: int = 0,
    drop_remainder: bool = False,
) -> tf.data.Dataset:
    """Return an epoch of labelled images in random order.

    Args:
        images: uint8 `(n, height, width, channels)`.
        labels: `(n,)`.
        batch_size: Images in a batch.
        augmentation: One of `AUGMENTATIONS`.
        seed: Seed of order and augmentation.
        count: Images in an epoch, where that is more than there are; they come again then.
        first_epoch: The epoch of `fit` whose order comes first.
        drop_remainder: Whether a last batch that is not full is left out, as replicas need it.
    """
    data = tf.data.Dataset.from_tensor_slices((images, labels))
    data = data.shuffle(len(images), seed=seed)
    count = count or len(images)
    # The epochs that were done have drawn the order of each pass, and one more: Keras's `fit`
    # opens an iterator behind an epoch's last step too, and drops it when the next begins.
    for _ in range(first_epoch * (-(-count // len(images)) + 1)):
        iter(data)
    if count > len(images):
        data = data.repeat().take(count)
    if augmentation != "none":
        keys = tf.data.Dataset.counter()
        data = tf.data.Dataset.zip(data, keys).map(
            lambda pair, key: (_augment(pair[0], (seed, key), augmentation), pair[1]),
            num_parallel_calls=tf.data.AUTOTUNE,
        )
    data = data.batch(batch_size, drop_remainder=drop_remainder).prefetch(tf.data.AUTOTUNE)
    return without_autotune(data) if augmentation == "none" else data


def _augment(image: Any, seed: Any, kind: str) -> Any:
    key = tf.stack([tf.cast(part, tf.int32) for part in seed])
    shape = image.shape
    image = tf.pad(image, [[4, 4], [4, 4], [0, 0]])
    image = tf.image.stateless_random_crop(image, shape, key)
    if "flip" in kind:
        image = tf.image.stateless_random_flip_left_right(image, key + [1, 0])
    if "cutout" in kind:
        corner = tf.random.stateless_uniform((2,), key + [2, 0])
        rows = _outside(shape[0], corner[0])[:, None, None]
        columns = _outside(shape[1], corner[1])[None, :, None]
        image = image * tf.cast(rows | columns, image.dtype)
    return image


def _outside(side: int, corner: Any) -> Any:
    """Which of `side` pixels lie outside a window of half the side, centred anywhere."""
    centre = corner * side
    return tf.abs(tf.range(side, dtype=tf.float32) - centre) > side / 4
