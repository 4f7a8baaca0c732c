"""Save the teachers that this package trains, and use them again."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import pathlib
import shutil

import filelock
import keras

from dfad_tf.callbacks import Backup, Progress, StopSignals
from dfad_tf.data.datasets import ImageDataset
from dfad_tf.teachers.loading import load_keras_file
from dfad_tf.teachers.training import TeacherRecipe, train_teacher
from dfad_tf.utils.errors import InputError
from dfad_tf.utils.files import write_atomically, write_json

_LOG = logging.getLogger(__name__)


def cached_teacher(
    recipe: TeacherRecipe,
    dataset: ImageDataset,
    image_shape: tuple[int, int, int],
    folder: str | os.PathLike[str] | None = None,
    verbose: str | int = 0,
    every: str | int = "1min",
) -> tuple[keras.Model, pathlib.Path]:
    """Return the teacher of a recipe, and train it if it is not in the cache.

    Args:
        recipe: The network and its training.
        dataset: Labelled images.
        image_shape: `(height, width, channels)`.
        folder: Folder of the cache; None is `dfad_tf/teachers` in the home folder of Keras.
        verbose: As in `fit` of Keras.
        every: Train steps or time between two backups of the training, such as 500 or "30s".

    Returns:
        The teacher and its file.

    Raises:
        InputError: If `folder` cannot be written, `every` is not an interval, or the backup of an
            interrupted training is damaged.
    """
    path = teacher_path(recipe, dataset.name, image_shape, folder)
    if path.exists():
        return load_keras_file(str(path)), path
    _create_folder(path.parent)
    _LOG.info(
        "The cache has no teacher of this recipe. It is trained once and saved: %s on %s, %d "
        "epochs with %s at a learning rate of %g, batches of %d, augmentation %s.",
        recipe.model, dataset.name, recipe.epochs, recipe.optimizer, recipe.learning_rate,
        recipe.batch_size, recipe.augmentation,
    )  # fmt: skip
    with filelock.FileLock(path.with_suffix(".lock")):  # two commands may need the same teacher
        if path.exists():
            return load_keras_file(str(path)), path
        place = path.with_suffix(".backup")
        with StopSignals() as stop:
            backup = Backup(place, every, stop=stop, delete_checkpoint=False)
            first_epoch = _first_epoch(backup)
            if 0 < first_epoch < recipe.epochs:
                _LOG.info("Its training resumes in epoch %d.", first_epoch + 1)
            callbacks = [backup, Progress(verbose, ("loss", "accuracy"))]
            teacher = train_teacher(recipe, dataset, image_shape, 0, callbacks, first_epoch)
        write_atomically(path, teacher.save)
        shutil.rmtree(place, ignore_errors=True)
    write_json(path.with_suffix(".json"), {"dataset": dataset.name, **recipe.as_dict()})
    return teacher, path


def teacher_path(
    recipe: TeacherRecipe,
    dataset: str,
    image_shape: tuple[int, int, int],
    folder: str | os.PathLike[str] | None = None,
) -> pathlib.Path:
    """Return the file of the teacher of a recipe. Every recipe has its own file.

    Args:
        recipe: The network and its training.
        dataset: Name of the data set.
        image_shape: `(height, width, channels)`.
        folder: As for `cached_teacher`.
    """
    home = os.environ.get("KERAS_HOME") or os.path.expanduser("~/.keras")
    place = pathlib.Path(folder or os.path.join(home, "dfad_tf", "teachers"))
    text = json.dumps([dataset, list(image_shape), recipe.as_dict()], sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()[:10]
    return place / f"{dataset.replace('/', '_')}_{recipe.model}_{digest}.keras"


def _create_folder(folder: pathlib.Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        writable = os.access(folder, os.W_OK)
    except OSError as error:
        raise InputError(
            f"Expected `folder` to be a writable folder. Received: {folder} ({error.strerror})"
        ) from error
    if not writable:
        raise InputError(f"Expected `folder` to be a writable folder. Received: {folder}")


def _first_epoch(backup: Backup) -> int:
    """Return the epoch with which an interrupted training resumes, or 0."""
    try:
        epoch, _ = backup.position() or (0, 0)
    except InputError as error:
        raise InputError(
            f"{error}. Remove {backup.path.parent} to train the teacher from the beginning"
        ) from error
    return epoch
