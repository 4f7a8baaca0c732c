"""Estimate what a run costs, before its teacher is trained."""

from __future__ import annotations

import random
import statistics
import time

import keras
import numpy as np
import tensorflow as tf

from dfad_tf.compute.process import available_cores, device_name
from dfad_tf.distillation.step_counts import step_cost
from dfad_tf.graphs.parameters import trainable_parameters
from dfad_tf.graphs.training_form import TrainingForm
from dfad_tf.methods import Method
from dfad_tf.teachers.training import TeacherRecipe

_TIMED_BATCH, _TIMED_STEPS = 32, 3
_BYTES = 4
# Files of a run in units of a network's float32 weights: the model itself, its optimizer's
# moments and two states in a backup, and for the student the SavedModel and the LiteRT files.
_NETWORK_COPIES, _EXPORT_COPIES = 8, 3


def seconds_per_image(model: keras.Model, precision: str | None = None) -> float:
    """Time forward and backward passes of a network, compiled as in training.

    Args:
        model: A network. Its weights and statistics stay as they are, and so does the state of
            the random numbers that later networks are initialized with.
        precision: Keras dtype policy of the training.

    Returns:
        Seconds that one image takes, forward and backward.
    """
    images = tf.zeros((_TIMED_BATCH, *model.input_shape[1:]))
    # A frozen teacher, too, is timed as if it were trained, as the estimates take for granted.
    weights = model.trainable_variables or [w for w in model.weights if "float" in str(w.dtype)]
    variables, state = [weight.value for weight in weights], random.getstate()
    form = TrainingForm(model, precision)  # the clone draws seeds for its initial weights
    random.setstate(state)

    @tf.function(autograph=False)
    def step() -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(variables)
            loss = tf.reduce_mean(tf.square(tf.cast(form(images, training=True), tf.float32)))
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


def supervised_seconds(per_image: dict[str, float], epochs: int, images: int) -> float:
    """Estimate the training of a student on labelled images.

    Args:
        per_image: What `seconds_per_image` returned for the `"teacher"` and the `"student"`.
        epochs: Number of epochs.
        images: Number of images in an epoch.
    """
    return (per_image["student"] + per_image["teacher"] / 3) * epochs * images


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


def device() -> str:
    """Describe the device that training runs on."""
    gpus, cores = len(tf.config.list_physical_devices("GPU")), available_cores()
    if gpus:
        return device_name() + (f" and {gpus - 1} more" if gpus > 1 else "")
    return f"CPU with {cores} core{'s' if cores > 1 else ''}"


def has_gpu() -> bool:
    """Return whether TensorFlow has a GPU to train on."""
    return bool(tf.config.list_physical_devices("GPU"))
