"""Time the train step of a distiller."""

from __future__ import annotations

import time

import keras
import numpy as np

from dfad_tf.compute.training_state import unchanged
from dfad_tf.distillation.distiller import DataFreeDistiller
from dfad_tf.distillation.training_images import endless_batches


def seconds_per_step(distiller: DataFreeDistiller, batch_size: int, steps: int = 3) -> float:
    """Return the seconds of a train step, compiled as in `fit`; the distiller does not change.

    Args:
        distiller: A compiled distiller.
        batch_size: Images in a batch.
        steps: Number of timed steps, after two further ones (see `step_seconds`).

    Returns:
        The median over the timed steps.

    Example:

    >>> seconds_per_step(distiller, batch_size=16) > 0
    True
    """
    return float(np.median(step_seconds(distiller, batch_size, steps)[2:]))


def step_seconds(distiller: DataFreeDistiller, batch_size: int, steps: int) -> list[float]:
    """Time train steps, compiled as in `fit`, and restore the state before them.

    Args:
        distiller: A compiled distiller.
        batch_size: Images in a batch.
        steps: Number of steps beside the first two.

    Returns:
        Seconds of each step: first the one that compiles, then the first compiled one, which has
        cold caches, then `steps` further ones. With several steps per execution, each value is
        the mean over an execution.
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
