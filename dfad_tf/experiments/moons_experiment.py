"""The paper's Figure 1: generated points around a decision boundary in two dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from dfad_tf import methods
from dfad_tf.compute.pipelines import in_batches
from dfad_tf.compute.randomness import stateless_latent
from dfad_tf.data.moons import two_moons
from dfad_tf.distillation.distiller import DataFreeDistiller
from dfad_tf.methods.interpolation import VirtualInterpolation
from dfad_tf.methods.table import Settings
from dfad_tf.models.multilayer_perceptron import multilayer_perceptron
from dfad_tf.synthesis import generators

EPOCHS = (1, 5, 20)
_BATCH, _STEPS, _LATENT, _GRID = 128, 20, 8, 120
# Weights of the paper's additions for this task, for which the paper states none.
SETTINGS = Settings(
    logits_activation_weight=0.5,
    representation_activation_weight=0.1,
    interpolation=VirtualInterpolation(per_sample=True),
)


@dataclass(frozen=True)
class _Moons:
    """The task: training points, test points, and a grid on which networks are evaluated.

    Attributes:
        points: Training points `(count, 2)`.
        labels: Their classes, 0 or 1.
        test_points: Points for measuring accuracy.
        test_labels: Their classes.
    """

    points: np.ndarray
    labels: np.ndarray
    test_points: np.ndarray
    test_labels: np.ndarray

    def extent(self) -> list[float]:
        """Return the limits of the grid: left, right, bottom, top."""
        low, high = self.points.min(0) - 1.5, self.points.max(0) + 1.5
        return [float(value) for value in (low[0], high[0], low[1], high[1])]

    def grid(self) -> np.ndarray:
        """Return the points of the grid, row by row from the bottom."""
        low, high = self.points.min(0) - 1.5, self.points.max(0) + 1.5
        axes = [np.linspace(a, b, _GRID) for a, b in zip(low, high, strict=True)]
        return np.stack(np.meshgrid(*axes), -1).reshape(-1, 2).astype(np.float32)


class _Snapshots(keras.callbacks.Callback):
    """Record generated points after some epochs, always from the same latent vectors.

    Args:
        epochs: Epochs, counted from 1.
        count: Number of points.
    """

    def __init__(self, epochs: Sequence[int], count: int) -> None:
        super().__init__()
        self.epochs = epochs
        self.count = count
        self.points: list[list[list[float]]] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        if epoch + 1 in self.epochs:
            key = keras.ops.convert_to_tensor([1, 2], "int32")
            latent = stateless_latent(self.count, _LATENT, key)
            # With batch statistics, as in the images that train the student.
            points = self.model.generator(latent, training=True)
            self.points.append(keras.ops.convert_to_numpy(points).round(3).tolist())


def moons_experiment(
    method_names: Sequence[str] = ("dfad", "proposed"),
    epochs: Sequence[int] = EPOCHS,
    seed: int = 0,
) -> dict[str, Any]:
    """Train a teacher on two moons, and distill it without data by each method.

    Args:
        method_names: Names of `methods.METHODS`.
        epochs: Epochs, counted from 1, after which generated points are recorded. Training ends
            with the last one.
        seed: Seed of networks and noise.

    Returns:
        The data of `figure_plots.draw_moons`: points and labels, the extent of the grid, the
        probability of the second moon on the grid by the teacher and by each student, generated
        points after each of the epochs, and accuracies on test points.
    """
    moons = _Moons(*two_moons(seed=seed), *two_moons(seed=seed + 1))
    keras.utils.set_random_seed(seed)
    teacher = _trained_teacher(moons)
    return {
        "seed": seed,
        "epochs": list(epochs),
        "steps_per_epoch": _STEPS,
        "points": moons.points.round(3).tolist(),
        "labels": moons.labels.tolist(),
        "extent": moons.extent(),
        "teacher": _probabilities(teacher, moons.grid()),
        "teacher_accuracy": _accuracy(teacher, moons),
        "methods": {name: _distill(name, teacher, moons, epochs, seed) for name in method_names},
    }


def _trained_teacher(moons: _Moons) -> keras.Model:
    teacher = multilayer_perceptron((2,), 2, units=(64, 64), name="teacher")
    teacher.compile(
        keras.optimizers.Adam(5e-3),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    teacher.fit(moons.points, moons.labels, batch_size=100, epochs=60, verbose=0)
    return teacher


def _distill(
    name: str, teacher: keras.Model, moons: _Moons, epochs: Sequence[int], seed: int
) -> dict[str, Any]:
    """Distill the teacher by one method; return generated points and the student's answers."""
    keras.utils.set_random_seed(seed)
    student = multilayer_perceptron((2,), 2, units=(16, 16), name="student")
    mean, std = moons.points.mean(0), moons.points.std(0)
    # Wider than the moons, so that the generator also reaches the area around them.
    generator = generators.build("dense", _LATENT, (2,), mean.tolist(), (1.5 * std).tolist())
    distiller = DataFreeDistiller(teacher, student, generator)
    distiller.compile(
        keras.optimizers.Adam(2e-3),
        keras.optimizers.Adam(1e-3),
        methods.get(name, SETTINGS),
        seed=seed,
    )
    snapshots = _Snapshots(epochs, 300)
    distiller.fit(
        batch_size=_BATCH,
        epochs=max(epochs),
        steps_per_epoch=_STEPS,
        callbacks=[snapshots],
        verbose=0,
    )
    return {
        "generated": snapshots.points,
        "student": _probabilities(student, moons.grid()),
        "accuracy": _accuracy(student, moons),
    }


def _logits(model: keras.Model, points: np.ndarray) -> np.ndarray:
    return model.predict(in_batches(points, 1000), verbose=0)


def _probabilities(model: keras.Model, grid: np.ndarray) -> list[list[float]]:
    """Return the probability of the second moon on the grid, row by row."""
    probabilities = keras.ops.softmax(_logits(model, grid), axis=-1)[:, 1]
    return keras.ops.convert_to_numpy(probabilities).reshape(_GRID, _GRID).round(3).tolist()


def _accuracy(model: keras.Model, moons: _Moons) -> float:
    """Return the fraction of test points that a model classifies correctly."""
    return float((_logits(model, moons.test_points).argmax(-1) == moons.test_labels).mean())
