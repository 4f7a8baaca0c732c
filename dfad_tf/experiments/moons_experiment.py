"""The paper's Figure 1: what a generator draws around a boundary that can be seen."""

from __future__ import annotations

from collections.abc import Sequence
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

MOMENTS = (1, 5, 20)
_BATCH, _STEPS, _LATENT, _GRID = 128, 20, 8, 120
# Weights of the paper's additions for this task; it names none.
SETTINGS = Settings(
    logits_activation_weight=0.5,
    representation_activation_weight=0.1,
    interpolation=VirtualInterpolation(per_sample=True),
)


class _Snapshots(keras.callbacks.Callback):
    """Keep what the generator draws after certain epochs, always from the same latents."""

    def __init__(self, moments: Sequence[int], count: int) -> None:
        super().__init__()
        self.moments = moments
        self.count = count
        self.points: list[list[list[float]]] = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if epoch + 1 in self.moments:
            key = keras.ops.convert_to_tensor([1, 2], "int32")
            latent = stateless_latent(self.count, _LATENT, key)
            # Batch statistics, as the student saw them.
            drawn = self.model.generator(latent, training=True)
            self.points.append(keras.ops.convert_to_numpy(drawn).round(3).tolist())


def moons_experiment(
    method_names: Sequence[str] = ("dfad", "proposed"),
    moments: Sequence[int] = MOMENTS,
    seed: int = 0,
) -> dict[str, Any]:
    """Train a teacher on two moons, and distil it by each method without them.

    Args:
        method_names: Names of `methods.METHODS`.
        moments: Epochs after which generated points are kept; the last ends the run.
        seed: Seed of networks and noise.

    Returns:
        What `figure_pictures.draw_moons` draws: points and labels, the grid's extent, the
        teacher's and every student's probability of the second moon on it, generated points
        at each moment, and accuracies on fresh points.
    """
    points, labels = two_moons(seed=seed)
    fresh, fresh_labels = two_moons(seed=seed + 1)
    keras.utils.set_random_seed(seed)
    teacher = multilayer_perceptron((2,), 2, units=(64, 64), name="teacher")
    teacher.compile(
        keras.optimizers.Adam(5e-3),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    teacher.fit(points, labels, batch_size=100, epochs=60, verbose=0)
    mean, std = points.mean(0), points.std(0)
    low, high = points.min(0) - 1.5, points.max(0) + 1.5
    axes = [np.linspace(a, b, _GRID) for a, b in zip(low, high, strict=True)]
    grid = np.stack(np.meshgrid(*axes), -1).reshape(-1, 2).astype(np.float32)
    result: dict[str, Any] = {
        "seed": seed,
        "moments": list(moments),
        "steps_per_epoch": _STEPS,
        "points": points.round(3).tolist(),
        "labels": labels.tolist(),
        "extent": [float(v) for v in (low[0], high[0], low[1], high[1])],
        "teacher": _probabilities(teacher, grid),
        "teacher_accuracy": _accuracy(teacher, fresh, fresh_labels),
        "methods": {},
    }
    for name in method_names:
        keras.utils.set_random_seed(seed)
        student = multilayer_perceptron((2,), 2, units=(16, 16), name="student")
        # Wider than the moons, or their outside would never be seen.
        generator = generators.build("dense", _LATENT, (2,), mean.tolist(), (1.5 * std).tolist())
        distiller = DataFreeDistiller(teacher, student, generator)
        distiller.compile(
            keras.optimizers.Adam(2e-3),
            keras.optimizers.Adam(1e-3),
            methods.get(name, SETTINGS),
            seed=seed,
        )
        snapshots = _Snapshots(moments, 300)
        distiller.fit(
            batch_size=_BATCH,
            epochs=max(moments),
            steps_per_epoch=_STEPS,
            callbacks=[snapshots],
            verbose=0,
        )
        result["methods"][name] = {
            "generated": snapshots.points,
            "student": _probabilities(student, grid),
            "accuracy": _accuracy(student, fresh, fresh_labels),
        }
    return result


def _logits(model: keras.Model, points: np.ndarray) -> np.ndarray:
    return model.predict(in_batches(points, 1000), verbose=0)


def _probabilities(model: keras.Model, grid: np.ndarray) -> list[list[float]]:
    probabilities = keras.ops.softmax(_logits(model, grid), axis=-1)[:, 1]
    return keras.ops.convert_to_numpy(probabilities).reshape(_GRID, _GRID).round(3).tolist()


def _accuracy(model: keras.Model, points: np.ndarray, labels: np.ndarray) -> float:
    return float((_logits(model, points).argmax(-1) == labels).mean())
