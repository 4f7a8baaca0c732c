"""Train a teacher that is missing, by a stated recipe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dfad_tf import models, names
from dfad_tf.datasets import ImageDataset
from dfad_tf.errors import InputError
from dfad_tf.optimizers import CoupledSGD
from dfad_tf.pipelines import untuned

AUGMENTATIONS = ("none", "crop", "crop_flip", "crop_flip_cutout")


@dataclass(frozen=True)
class TeacherRecipe:
    """Everything that decides what a trained teacher becomes.

    Attributes:
        model: A name of `models.CLASSIFIERS`.
        epochs: Passes over the training images.
        batch_size: Images in a batch.
        optimizer: `"adam"`, or `"sgd"` with momentum 0.9 and coupled weight decay.
        learning_rate: At the start; it falls to zero along a cosine.
        weight_decay: Coupled decay, with `"sgd"` only.
        augmentation: `"none"`, `"crop"` (zero padding of 4, cropped at random),
            `"crop_flip"`, or `"crop_flip_cutout"` (a square of half the side).
        seed: Seed of weights, order and augmentation.
    """

    model: str
    epochs: int
    batch_size: int
    optimizer: str
    learning_rate: float
    weight_decay: float = 0.0
    augmentation: str = "none"
    seed: int = 0

    def as_dict(self) -> dict[str, Any]:
        """The recipe as plain data, to keep beside what it made."""
        return asdict(self)


def train_teacher(
    recipe: TeacherRecipe,
    dataset: ImageDataset,
    image_shape: tuple[int, int, int],
    verbose: Any = "auto",
    callbacks: Sequence[keras.callbacks.Callback] = (),
    first_epoch: int = 0,
) -> keras.Model:
    """Train a classifier on real images.

    Args:
        recipe: What to train and how.
        dataset: Labelled images; their mean and deviation go into the model.
        image_shape: `(height, width, channels)`.
        verbose: As in Keras's `fit`.
        callbacks: As in Keras's `fit`.
        first_epoch: The epoch that a backup among them goes on with.

    Returns:
        A model from raw pixels 0–255 to logits, after its last epoch.
    """
    images, labels = dataset.load("train", image_shape)
    keras.utils.set_random_seed(recipe.seed)
    mean, std = channel_statistics(images)
    model = models.build(recipe.model, image_shape, dataset.num_classes, mean, std)
    steps = -(-len(images) // recipe.batch_size)
    schedule = keras.optimizers.schedules.CosineDecay(recipe.learning_rate, steps * recipe.epochs)
    model.compile(
        optimizer=make_optimizer(recipe.optimizer, schedule, recipe.weight_decay),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    data = labelled_batches(
        images,
        labels,
        recipe.batch_size,
        recipe.augmentation,
        recipe.seed,
        first_epoch=first_epoch,
    )
    model.fit(data, epochs=recipe.epochs, verbose=verbose, shuffle=False, callbacks=list(callbacks))
    return model


def make_optimizer(name: str, learning_rate: Any, weight_decay: float = 0.0, **more: Any) -> Any:
    """Return the optimizer that a flag names: Adam, or the papers' SGD.

    Args:
        name: `"adam"` or `"sgd"` (momentum 0.9).
        learning_rate: Rate or schedule.
        weight_decay: Coupled decay; only for `"sgd"`.
        **more: Further arguments of the Keras optimizer.

    Raises:
        InputError: If the name is unknown, or a decay is asked of Adam.
    """
    if name == "adam" and weight_decay:
        raise InputError(
            "Expected --weight_decay (and --teacher_weight_decay) with the optimizer sgd, whose "
            f"decay is coupled. Received: {weight_decay} with adam"
        )
    table = {
        "adam": lambda: keras.optimizers.Adam(learning_rate, **more),
        "sgd": lambda: CoupledSGD(learning_rate, 0.9, weight_decay, **more),
    }
    return names.look_up(table, name, "optimizer")()


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
    whole: bool = False,
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
        whole: Whether a last batch that is not full is left out, as replicas need it.
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
    data = data.batch(batch_size, drop_remainder=whole).prefetch(tf.data.AUTOTUNE)
    return untuned(data) if augmentation == "none" else data


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
