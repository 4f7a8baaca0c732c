"""True runs: a student that learns without data, on two moons and on digits."""

import json

import keras
import numpy as np
import pytest
from sklearn import datasets as sklearn_datasets

from dfad_tf import methods, models
from dfad_tf.data import datasets
from dfad_tf.distillation.distiller import DataFreeDistiller
from dfad_tf.methods.interpolation import VirtualInterpolation
from dfad_tf.methods.table import Settings
from dfad_tf.synthesis import generators
from tests.helpers.command import run


@pytest.fixture(scope="module")
def moons_teacher():
    keras.utils.set_random_seed(0)
    points, labels = sklearn_datasets.make_moons(2000, noise=0.1, random_state=0)
    mean, std = points.mean(0), points.std(0)
    teacher = models.build("mlp", (2,), 2, mean, std)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    teacher.compile(keras.optimizers.Adam(1e-2), loss)
    teacher.fit(points, labels, epochs=10, batch_size=100, verbose=0)
    return teacher, points, labels, mean, std


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dfad", "proposed"])
def test_on_two_moons_the_boundaries_meet(moons_teacher, name):
    teacher, points, labels, mean, std = moons_teacher
    keras.utils.set_random_seed(1)
    student = models.build("mlp", (2,), 2, mean, std)
    generator = generators.build("dense", 8, (2,), mean, std)
    distiller = DataFreeDistiller(teacher, student, generator)
    interpolation = VirtualInterpolation(weight=0.1)
    method = methods.get(name, Settings(interpolation=interpolation))
    distiller.compile(keras.optimizers.Adam(3e-3), keras.optimizers.Adam(1e-3), method)
    distiller.fit(batch_size=128, epochs=4, steps_per_epoch=50, verbose=0)
    # Where the moons lie, and between them, not only on their points.
    grid = np.stack(np.meshgrid(np.linspace(-1, 2, 60), np.linspace(-0.7, 1.2, 60)), -1)
    grid = grid.reshape(-1, 2)
    same = teacher.predict(grid, verbose=0).argmax(-1) == student.predict(grid, verbose=0).argmax(
        -1
    )
    assert same.mean() > 0.95
    accuracy = (student.predict(points, verbose=0).argmax(-1) == labels).mean()
    assert accuracy > (teacher.predict(points, verbose=0).argmax(-1) == labels).mean() - 0.02


@pytest.mark.slow
def test_on_digits_the_student_learns_without_an_image(tmp_path, monkeypatch):
    """A shortened default run; distillation that opens a data set would fail here."""
    fit, load = DataFreeDistiller.fit, datasets.ImageDataset.load
    loaded_while_distilling = []
    distilling = []

    def watched_fit(self, **arguments):
        distilling.append(True)
        history = fit(self, **arguments)
        distilling.clear()
        return history

    def watched_load(self, split, shape=None):
        if distilling:
            loaded_while_distilling.append(split)
        return load(self, split, shape)

    monkeypatch.setattr(DataFreeDistiller, "fit", watched_fit)
    monkeypatch.setattr(datasets.ImageDataset, "load", watched_load)
    folder = tmp_path / "run"
    run(
        f"--workdir={folder}", f"--teacher_cache={tmp_path}", "--epochs=2", "--verbose=0",
    )  # fmt: skip
    result = json.loads((folder / "result.json").read_text())
    assert result["teacher_accuracy"] > 0.95
    assert result["student_accuracy"] > result["teacher_accuracy"] - 0.03
    assert result["student_start"] == "the teacher's filters"
    assert not loaded_while_distilling
