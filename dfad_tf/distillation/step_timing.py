"""The duration of a train step."""

from __future__ import annotations

import time

import keras
import numpy as np

from dfad_tf.compute.training_state import unchanged
from dfad_tf.distillation.distiller import DataFreeDistiller
from dfad_tf.distillation.training_images import endless_batches


def seconds_per_step(distiller: DataFreeDistiller, batch_size: int, steps: int = 3) -> float:
    """Time a few train steps, compiled as in `fit`, and restore the state before them.

    Args:
        distiller: A compiled distiller.
        batch_size: Images in a batch.
        steps: Number of timed steps, after two untimed ones: the step that compiles, and the
            first compiled step.

    Returns:
        Median duration of one step, in seconds.
    """
    return float(np.median(step_seconds(distiller, batch_size, steps)[2:]))


def step_seconds(distiller: DataFreeDistiller, batch_size: int, steps: int) -> list[float]:
    """Take train steps, compiled as in `fit`, and restore the state before them.

    Args:
        distiller: A compiled distiller.
        batch_size: Images in a batch.
        steps: Number of steps after the first two.

    Returns:
        Duration of each step, in seconds: first of the step that compiles, then of the first
        compiled step, which still runs with cold caches, then of `steps` more.
    """
    with unchanged(distiller):
        distiller.make_train_function()
        batches = endless_batches(batch_size)
        iterator = iter(distiller.distribute_strategy.experimental_distribute_dataset(batches))
        times = []
        for _ in range(steps + 2):
            start = time.monotonic()
            logs = distiller.train_function(iterator)
            keras.ops.convert_to_numpy(logs["loss"])
            times.append((time.monotonic() - start) / distiller.steps_per_execution)
    return times
