"""The networks that a run saves."""

from __future__ import annotations

import pathlib

import keras

from dfad_tf.runs.records import DistillationResult, Teacher
from dfad_tf.synthesis.generators.standard_layers import in_standard_layers
from dfad_tf.teachers import loading
from dfad_tf.utils.files import write_atomically

STUDENT, GENERATOR, TEACHER = "student.keras", "generator.keras", "teacher.keras"


def save_networks(
    folder: pathlib.Path, student: keras.Model, done: DistillationResult, teacher: Teacher
) -> None:
    """Save the student, the generator, and a teacher that was trained here.

    Args:
        folder: The run's folder.
        student: The student.
        done: What the distillation returned.
        teacher: The teacher.
    """
    write_atomically(folder / STUDENT, student.save)
    if done.generator is not None:
        # In Keras's own layers, so that the file loads without this package.
        write_atomically(folder / GENERATOR, in_standard_layers(done.generator).save)
    if teacher.trained_here:
        write_atomically(folder / TEACHER, teacher.model.save)


def on_one_device(folder: pathlib.Path, done: DistillationResult) -> keras.Model:
    """Load the saved student, and put the saved generator into `done`, outside any strategy.

    Args:
        folder: The run's folder.
        done: What the distillation returned.

    Returns:
        The student.
    """
    if done.generator is not None:
        done.generator = loading.load_keras_file(str(folder / GENERATOR), trust=True)
    return loading.load_keras_file(str(folder / STUDENT), trust=True)
