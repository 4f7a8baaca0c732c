"""Estimate what a run costs, before its teacher is trained."""

from __future__ import annotations

import statistics
import time

import keras
import numpy as np
import psutil
import tensorflow as tf

from dfad_tf.distillation.step_counts import step_cost
from dfad_tf.graphs.parameters import trainable_parameters
from dfad_tf.methods import Method
from dfad_tf.teachers.training import TeacherRecipe

_TIMED_BATCH, _TIMED_STEPS = 32, 3
_BYTES = 4
# Files of a run in units of a network's float32 weights: the model itself, its optimizer's
# moments and two states in a backup, and for the student the SavedModel and the LiteRT files.
_NETWORK_COPIES, _EXPORT_COPIES = 8, 3


def seconds_per_image(model: keras.Model) -> float:
    """Time forward and backward passes of a network, compiled as in training.

    Args:
        model: A network; its weights and statistics stay as they are.

    Returns:
        Seconds that one image takes, forward and backward.
    """
    images = tf.zeros((_TIMED_BATCH, *model.input_shape[1:]))
    variables = model.trainable_variables

    @tf.function(autograph=False)
    def step() -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(model(images, training=True)))
        gradients = tape.gradient(loss, variables)
        return tf.add_n([tf.reduce_sum(gradient) for gradient in gradients if gradient is not None])

    before = model.get_weights()
    times = []
    for _ in range(1 + _TIMED_STEPS):  # the first one compiles
        start = time.monotonic()
        step().numpy()
        times.append(time.monotonic() - start)
    model.set_weights(before)
    return statistics.median(times[1:]) / _TIMED_BATCH


def teacher_seconds(per_image: float, recipe: TeacherRecipe, images: int) -> float:
    """Estimate the training of a teacher.

    Args:
        per_image: What `seconds_per_image` returned for its architecture.
        recipe: How it is trained.
        images: Number of training images.
    """
    return per_image * recipe.epochs * images


def distillation_seconds(
    per_image: dict[str, float], method: Method, batch_size: int, steps: int
) -> float:
    """Estimate a distillation from the passes of its networks.

    Args:
        per_image: What `seconds_per_image` returned, by role: `"teacher"`, `"student"` and
            `"generator"`.
        method: The method.
        batch_size: Images in a batch.
        steps: Train steps of the distillation.
    """
    forward = {role: seconds / 3 for role, seconds in per_image.items()}
    return steps * step_cost(method, forward, batch_size)


def disk_bytes(networks: dict[str, keras.Model], memory_size: int = 0) -> int:
    """Estimate the bytes that a run writes, backups and exports included.

    Args:
        networks: The networks by role.
        memory_size: Number of images that the method keeps, which backups hold as well.
    """
    sizes = {role: _BYTES * trainable_parameters(model) for role, model in networks.items()}
    shape = networks["teacher"].input_shape[1:]
    images = 2 * memory_size * _BYTES * int(np.prod(shape))
    return (
        _NETWORK_COPIES * (sum(sizes.values()) - sizes["teacher"])
        + _EXPORT_COPIES * sizes["student"]
        + sizes["teacher"]
        + images
    )


def available_cores() -> int:
    """Return the number of processor cores that this process may use."""
    process = psutil.Process()
    if hasattr(process, "cpu_affinity"):  # not on macOS
        return len(process.cpu_affinity())
    return psutil.cpu_count() or 1


def device_name() -> str:
    """Describe the device that training runs on."""
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        return f"{len(gpus)} GPU" + ("s" if len(gpus) > 1 else "")
    cores = available_cores()
    return f"CPU with {cores} core{'s' if cores > 1 else ''}"


def has_gpu() -> bool:
    """Return whether TensorFlow has a GPU to train on."""
    return bool(tf.config.list_physical_devices("GPU"))
