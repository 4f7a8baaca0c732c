"""Backups of version 0.5.0 are read, and training resumes from them."""

import pathlib
import shutil

import keras
import numpy as np
import pytest

from dfad_tf import methods
from dfad_tf.callbacks import Backup, BackupRecord
from dfad_tf.distillation.distiller import DataFreeDistiller
from dfad_tf.methods import Settings
from dfad_tf.synthesis.generators.convolutional import compact_generator

FILES = pathlib.Path(__file__).parent.parent / "data_files" / "v0_5_0"


def classifier(seed, filters, batch_norm, name):
    keras.utils.set_random_seed(seed)
    layers = [keras.Input((8, 8, 1)), keras.layers.Conv2D(filters, 3, activation="relu")]
    if batch_norm:
        layers.append(keras.layers.BatchNormalization())
    layers += [keras.layers.Flatten(), keras.layers.Dense(3, name="head")]
    return keras.Sequential(layers, name=name)


def build():
    """The distiller that wrote the files."""
    teacher = classifier(1, 3, True, "teacher")
    student = classifier(2, 2, False, "student")
    keras.utils.set_random_seed(3)
    generator = compact_generator(
        4, (8, 8, 1), [33.0], [70.0], width=4, value_range=([0.0], [255.0])
    )
    distiller = DataFreeDistiller(teacher, student, generator)
    schedule = keras.optimizers.schedules.CosineDecay(2e-3, 100)
    method = methods.get("proposed+memory", Settings(memory_size=16, student_steps=2))
    distiller.compile(
        keras.optimizers.Adam(schedule), "adam", method=method, seed=5, jit_compile=False
    )
    return distiller


def fit(distiller, epochs, *callbacks):
    return distiller.fit(
        batch_size=8, epochs=epochs, steps_per_epoch=2, verbose=0, held_out_images=8,
        callbacks=list(callbacks),
    )  # fmt: skip


@pytest.fixture
def backup(tmp_path):
    shutil.copytree(FILES / "backup", tmp_path / "backup")
    return Backup(tmp_path / "backup", every=1, delete_checkpoint=False)


def student_weights(distiller):
    return distiller.student.get_weights()


def test_a_backup_is_restored(backup):
    assert backup.position() == (1, 0)
    distiller = build()
    before = student_weights(distiller)
    history = fit(distiller, 1, backup)
    expected = np.load(FILES / "expected.npz")
    for index, weights in enumerate(student_weights(distiller)):
        np.testing.assert_array_equal(weights, expected[f"student_{index}"])
        assert not np.array_equal(weights, before[index])
    images = distiller.generator(expected["latent"])
    np.testing.assert_allclose(images, expected["images"], atol=1e-3)
    assert int(distiller.optimizer.iterations) == 4
    assert int(distiller.generator_optimizer.iterations) == 2
    assert history.epoch == [0] and len(history.history["loss"]) == 1
    assert isinstance(backup.record, BackupRecord) and backup.record.resumed == 1


@pytest.mark.slow
def test_training_resumes_from_a_backup(backup):
    """Another epoch has the result of the two epochs without an interruption."""
    resumed, straight = build(), build()
    history, expected = fit(resumed, 2, backup), fit(straight, 2)
    assert history.epoch == [0, 1]
    np.testing.assert_allclose(history.history["loss"], expected.history["loss"], rtol=1e-4)
    for found, weights in zip(student_weights(resumed), student_weights(straight), strict=True):
        np.testing.assert_allclose(found, weights, rtol=1e-4, atol=1e-6)
