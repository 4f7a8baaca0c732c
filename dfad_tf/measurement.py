"""Measure models on images, and the seconds of a train step."""

from __future__ import annotations

import time
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dfad_tf.distiller import DataFreeDistiller
from dfad_tf.pipelines import in_batches
from dfad_tf.pixel_contract import PixelContract
from dfad_tf.randomness import stateless_latent
from dfad_tf.training_images import endless_batches
from dfad_tf.training_state import unchanged

_BATCH = 100
_MOST_VALUES = 2**28


class TestImages:
    """Held-out real images: they measure, and nothing learns from them.

    Args:
        pixels: Raw pixels, uint8 `(n, height, width, channels)`.
        labels: `(n,)`.
        contract: What the networks expect of their pixels.
    """

    __test__ = False  # a name that pytest would collect

    def __init__(self, pixels: np.ndarray, labels: np.ndarray, contract: PixelContract) -> None:
        self.pixels, self.labels = pixels, labels
        self.inputs = contract.to_input(pixels)


def predict_classes(model: keras.Model, inputs: np.ndarray) -> np.ndarray:
    """Return the arg-max class of each input.

    Args:
        model: A classifier.
        inputs: `(n, height, width, channels)`, in the model's input range.

    Returns:
        int64 `(n,)`.
    """
    return np.argmax(_predict(model, inputs), axis=-1)


def generated_images(generator: keras.Model, count: int, seed: int = 1) -> np.ndarray:
    """Draw images in the teacher's input range; their latents are fresh, not those of training.

    Args:
        generator: Maps latents to images.
        count: Images wanted; fewer come where they would not fit into a gigabyte.
        seed: Seed of the latents.

    Returns:
        float32 `(count, height, width, channels)`.
    """
    count = max(1, min(count, _MOST_VALUES // int(np.prod(generator.output_shape[1:]))))
    key = tf.constant([seed, 0x5EED], tf.int32)
    latent = stateless_latent(count, generator.input_shape[-1], key)
    return _predict(generator, latent)


def _predict(model: keras.Model, inputs: Any) -> np.ndarray:
    return model.predict(in_batches(inputs, _BATCH), verbose=0)


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
