"""Train a missing teacher with a given recipe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import keras

from dfad_tf import models
from dfad_tf.compute.optimizers import make_optimizer
from dfad_tf.data.datasets import ImageDataset
from dfad_tf.data.labelled_batches import EpochOrder, channel_statistics, labelled_batches
from dfad_tf.graphs.safe_gradients import safe_copy


@dataclass(frozen=True)
class TeacherRecipe:
    """All hyperparameters of the training of a teacher.

    Attributes:
        model: A name of `models.CLASSIFIERS`.
        epochs: Passes over the training images.
        batch_size: Images per batch.
        optimizer: `"adam"`, or `"sgd"` with momentum 0.9 and coupled weight decay.
        learning_rate: Initial learning rate of a cosine learning-rate schedule that ends at 0.
        weight_decay: Coupled weight decay, for `"sgd"` only.
        augmentation: `"none"`, `"crop"` (padded by 4 zeros and cropped at random),
            `"crop_flip"`, or `"crop_flip_cutout"` (a square of half the side is set to 0).
        seed: Seed of weights, order and augmentation.

    Example:

    >>> recipe = TeacherRecipe("lenet5", 10, 128, "adam", 1e-3)
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
        """Return the recipe as plain data, to be saved with the teacher."""
        return asdict(self)


def train_teacher(
    recipe: TeacherRecipe,
    dataset: ImageDataset,
    image_shape: tuple[int, int, int],
    verbose: str | int = "auto",
    callbacks: Sequence[keras.callbacks.Callback] = (),
    first_epoch: int = 0,
) -> keras.Model:
    """Train a classifier on real images.

    Args:
        recipe: The network and its training.
        dataset: Labelled images. The model standardizes its input by their mean and standard
            deviation.
        image_shape: `(height, width, channels)`.
        verbose: As in `fit` of Keras.
        callbacks: As in `fit` of Keras.
        first_epoch: The epoch with which a backup among the callbacks resumes.

    Returns:
        The model after its last epoch, from raw pixels 0–255 to logits.

    Raises:
        InputError: If the network, the optimizer or the data do not fit the recipe.
    """
    images, labels = dataset.load("train", image_shape)
    keras.utils.set_random_seed(recipe.seed)
    mean, std = channel_statistics(images)
    model = models.build(recipe.model, image_shape, dataset.num_classes, mean, std)
    steps = -(-len(images) // recipe.batch_size)
    schedule = keras.optimizers.schedules.CosineDecay(recipe.learning_rate, steps * recipe.epochs)
    trained = safe_copy(model)
    trained.compile(
        optimizer=make_optimizer(recipe.optimizer, schedule, recipe.weight_decay),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    order = EpochOrder(recipe.seed, first_epoch=first_epoch)
    data = labelled_batches(images, labels, recipe.batch_size, recipe.augmentation, order)
    watching = list(callbacks)
    trained.fit(data, epochs=recipe.epochs, verbose=verbose, shuffle=False, callbacks=watching)
    if trained is not model:
        model.set_weights(trained.get_weights())
    return model
