"""Measure models on images, and the seconds of a train step."""

from __future__ import annotations

import time

import keras
import numpy as np

from dfad_tf.compute.training_state import unchanged
from dfad_tf.distillation.distiller import DataFreeDistiller
from dfad_tf.distillation.training_images import endless_batches


def seconds_per_step(distiller: DataFreeDistiller, batch_size: int, steps: int = 3) -> float:
    """Time a few train steps, compiled as `fit` will run them, and undo them.

    Args:
        distiller: A compiled distiller.
        batch_size: Images in a batch.
        steps: Steps to time, after two: the one that compiles, and the one after.

    Returns:
        Median seconds of one step.
    """
    return float(np.median(step_seconds(distiller, batch_size, steps)[2:]))


def step_seconds(distiller: DataFreeDistiller, batch_size: int, steps: int) -> list[float]:
    """Take train steps, compiled as `fit` will run them, and undo them.

    Args:
        distiller: A compiled distiller.
        batch_size: Images in a batch.
        steps: Steps wanted beside the first two.

    Returns:
        Seconds of each: first the one that compiles, then the first compiled one, which
        still meets cold caches, then `steps` more.
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
