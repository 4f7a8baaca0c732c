"""Train a teacher that is missing, by a stated recipe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import keras

from dfad_tf import models
from dfad_tf.compute.optimizers import make_optimizer
from dfad_tf.data.datasets import ImageDataset
from dfad_tf.data.labelled_batches import channel_statistics, labelled_batches


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
