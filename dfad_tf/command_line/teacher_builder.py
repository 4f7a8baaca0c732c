"""Build the data set and the teacher that the flags ask for."""

from __future__ import annotations

import pathlib

import numpy as np
from absl import flags

from dfad_tf import models
from dfad_tf.command_line.argument_flags import argument_flags
from dfad_tf.command_line.data_flags import dataset_name
from dfad_tf.command_line.pixel_flags import image_shape, inferred_contract
from dfad_tf.data import datasets
from dfad_tf.data.datasets import ImageDataset
from dfad_tf.data.pixel_contract import PixelContract
from dfad_tf.data.test_images import TestImages
from dfad_tf.runs.records import Teacher
from dfad_tf.teachers import cache, loading
from dfad_tf.teachers.description import TeacherDescription, describe_teacher
from dfad_tf.teachers.label_file import labels_beside
from dfad_tf.teachers.settled_statistics import settle_statistics
from dfad_tf.teachers.teacher_signals import TeacherSignals
from dfad_tf.teachers.training import TeacherRecipe
from dfad_tf.trust.probe_folder import load_probe_images
from dfad_tf.utils.errors import InputError
from dfad_tf.utils.files import check_writable

FLAGS = flags.FLAGS


def dataset_from_flags() -> ImageDataset | None:
    """Return the data set that trains a missing teacher and measures; None where none is named."""
    name = dataset_name()
    if name is None:
        return None
    with argument_flags(name="dataset"):
        return datasets.open_dataset(name, FLAGS.data_dir)


def measuring_images(dataset: ImageDataset | None, teacher: Teacher) -> TestImages | None:
    """Load the held-out real images, which only measure.

    Args:
        dataset: The data set of the flags.
        teacher: The teacher, whose input the images are brought to.
    """
    if dataset is None:
        return None
    pixels, labels = dataset.load("test", teacher.description.image_shape)
    return TestImages(pixels, labels, teacher.description.contract)


def probe_pixels(teacher: Teacher) -> np.ndarray | None:
    """Load the user's own images, on which the student is compared with its teacher.

    Args:
        teacher: The teacher, whose input the images are scaled to.

    Returns:
        Raw pixels, uint8 `(n, height, width, channels)`; None without `--probe_images`.

    Raises:
        InputError: If there are no images, or one is not readable.
    """
    if FLAGS.probe_images is None:
        return None
    with argument_flags(path="probe_images"):
        return load_probe_images(FLAGS.probe_images, teacher.description.image_shape)


def check_classes(dataset: ImageDataset, num_classes: int) -> None:
    """Check that a data set has as many classes as a model.

    Raises:
        InputError: If their numbers differ.
    """
    if dataset.num_classes != num_classes:
        raise InputError(
            f"Expected --dataset with the model's {num_classes} classes. "
            f"Received: {dataset.name} with {dataset.num_classes}"
        )


def recipe_from_flags() -> TeacherRecipe:
    """Return how a missing teacher is trained."""
    return TeacherRecipe(
        FLAGS.teacher_model,
        FLAGS.teacher_epochs,
        FLAGS.teacher_batch_size,
        FLAGS.teacher_optimizer,
        FLAGS.teacher_learning_rate,
        FLAGS.teacher_weight_decay,
        FLAGS.teacher_augmentation,
        FLAGS.teacher_seed,
    )


def teacher_is_missing(dataset: ImageDataset | None) -> bool:
    """Return whether the teacher has to be trained first.

    Args:
        dataset: The data set of the flags.
    """
    if FLAGS.teacher or dataset is None:
        return False
    return not _cached_path(dataset).exists()


def check_cache(dataset: ImageDataset) -> None:
    """Check that a trained teacher can be saved, before anything is estimated or trained.

    Args:
        dataset: The data set that trains it.

    Raises:
        InputError: If the folder of teachers is not writable.
    """
    check_writable(_cached_path(dataset).parent, "--teacher_cache")


def _cached_path(dataset: ImageDataset) -> pathlib.Path:
    shape = image_shape() or dataset.image_shape
    return cache.teacher_path(recipe_from_flags(), dataset.name, shape, FLAGS.teacher_cache)


def teacher_from_flags(dataset: ImageDataset | None, verbose: str | int) -> Teacher:
    """Load the user's teacher, or the one of the flags' recipe, which is trained if it is missing.

    Args:
        dataset: The data set of the flags.
        verbose: As in `keras.Model.fit`.

    Raises:
        InputError: If there is no teacher, it cannot be read, or it does not fit the data set.
    """
    shape = image_shape()
    if FLAGS.teacher:
        with argument_flags("teacher", path="teacher", contract="input_range"):
            model = loading.load_teacher(FLAGS.teacher, shape, trust=FLAGS.trust_teacher)
            settled = settle_statistics(model) if FLAGS.settle_batch_norm else None
            contract = inferred_contract(model)
            description = describe_teacher(model, contract, FLAGS.teacher_features)
        if dataset:
            check_classes(dataset, description.num_classes)
        labels = tuple(labels_beside(FLAGS.teacher, description.num_classes))
        return Teacher(model, description, FLAGS.teacher, False, settled, labels)
    if dataset is None:
        raise InputError("Expected --teacher or --dataset. Received neither.")
    with argument_flags(folder="teacher_cache", path="teacher_cache", shape="image_shape"):
        model, path = cache.cached_teacher(
            recipe_from_flags(),
            dataset,
            shape or dataset.image_shape,
            FLAGS.teacher_cache,
            verbose,
            FLAGS.backup_every,
        )
    model.trainable = False
    with argument_flags(contract="input_range"):
        description = describe_teacher(model, features=FLAGS.teacher_features)
    return Teacher(model, description, str(path), True)


def untrained_teacher_from_flags() -> Teacher:
    """Return the user's teacher, or an untrained network of the architecture to be trained."""
    if FLAGS.teacher:
        return teacher_from_flags(None, 0)
    with argument_flags(name="dataset"):
        dataset = datasets.describe_dataset(dataset_name() or "", FLAGS.data_dir)
    shape = image_shape() or dataset.image_shape
    contract = PixelContract(
        "pixels", source="the network contains its preprocessing"
    ).for_channels(shape[2])
    with argument_flags("teacher_model", name="teacher_model"):
        model = models.build(FLAGS.teacher_model, shape, dataset.num_classes)
    description = TeacherDescription(
        shape, dataset.num_classes, "logits", contract, TeacherSignals(model).features_name
    )
    return Teacher(model, description, "not trained yet", True)
