"""Teachers that were trained here are kept, and used again."""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import shutil
from typing import Any

import filelock
import keras

from dfad_tf.callbacks import Backup, StopSignals
from dfad_tf.data.datasets import ImageDataset
from dfad_tf.teachers.loading import load_keras_file
from dfad_tf.teachers.training import TeacherRecipe, train_teacher
from dfad_tf.utils.errors import InputError
from dfad_tf.utils.files import write_atomically, write_json


def cached_teacher(
    recipe: TeacherRecipe,
    dataset: ImageDataset,
    image_shape: tuple[int, int, int],
    folder: str | None = None,
    verbose: Any = "auto",
    every: str = "1min",
) -> tuple[keras.Model, pathlib.Path, bool]:
    """Return the teacher of a recipe, trained now if it never was.

    Args:
        recipe: What to train and how.
        dataset: Labelled images.
        image_shape: `(height, width, channels)`.
        folder: Where teachers are kept; None is `dfad_tf/teachers` in Keras's home.
        verbose: As in Keras's `fit`.
        every: Steps or time between two backups of its training.

    Returns:
        The teacher, its file, and whether it was trained now.

    Raises:
        InputError: If the folder cannot be written.
    """
    path = teacher_path(recipe, dataset.name, image_shape, folder)
    if path.exists():
        return load_keras_file(str(path), "--teacher_cache"), path, False
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        writable = os.access(path.parent, os.W_OK)
    except OSError as error:
        raise InputError(f"Expected --teacher_cache to be writable. {error}") from error
    if not writable:
        raise InputError(f"Expected --teacher_cache to be writable. Received: {path.parent}")
    print(
        f"No teacher of this recipe yet. It is trained once and kept: {recipe.model} on "
        f"{dataset.name}, {recipe.epochs} epochs by {recipe.optimizer} at "
        f"{recipe.learning_rate:g}, batches of {recipe.batch_size}, augmentation "
        f"{recipe.augmentation}.",
        flush=True,
    )
    place = path.with_suffix(".backup")
    with filelock.FileLock(path.with_suffix(".lock")):  # two commands may want one teacher
        if path.exists():
            return load_keras_file(str(path), "--teacher_cache"), path, False
        with StopSignals() as stop:
            backup = Backup(place, every, stop=stop, delete_checkpoint=False)
            first_epoch, _ = _position(backup)
            if 0 < first_epoch < recipe.epochs:
                print(f"Its training goes on in epoch {first_epoch + 1}.", flush=True)
            teacher = train_teacher(recipe, dataset, image_shape, verbose, [backup], first_epoch)
        write_atomically(path, teacher.save)
        shutil.rmtree(place, ignore_errors=True)
    write_json(path.with_suffix(".json"), {"dataset": dataset.name, **recipe.as_dict()})
    return teacher, path, True


def _position(backup: Backup) -> tuple[int, int]:
    try:
        return backup.position() or (0, 0)
    except InputError as error:
        raise InputError(
            f"{error}. Remove {backup.path.parent} to train the teacher anew"
        ) from error


def teacher_path(
    recipe: TeacherRecipe,
    dataset: str,
    image_shape: tuple[int, int, int],
    folder: str | None = None,
) -> pathlib.Path:
    """Return the file of a recipe's teacher: another recipe has another name."""
    home = os.environ.get("KERAS_HOME") or os.path.expanduser("~/.keras")
    place = pathlib.Path(folder or os.path.join(home, "dfad_tf", "teachers"))
    text = json.dumps([dataset, list(image_shape), recipe.as_dict()], sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()[:10]
    return place / f"{dataset.replace('/', '_')}_{recipe.model}_{digest}.keras"
