"""Describe a teacher: image shape, classes, pixel contract and features."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from dfad_tf.data.pixel_contract import PixelContract
from dfad_tf.data.smooth_images import smooth_images
from dfad_tf.teachers.pixel_detection import UndecidedPixelsError, detect_contract
from dfad_tf.teachers.teacher_signals import TeacherSignals
from dfad_tf.utils.errors import InputError

_FAR = 1e3


@dataclass(frozen=True)
class TeacherDescription:
    """What distillation needs to know about a teacher.

    Attributes:
        image_shape: `(height, width, channels)` of its input.
        num_classes: Number of its outputs.
        head: `"logits"`, or `"softmax"` (which distillation removes).
        contract: The pixel values that it expects.
        features: Name of the features that R_m uses; None if there are none.
    """

    image_shape: tuple[int, int, int]
    num_classes: int
    head: str
    contract: PixelContract
    features: str | None


def describe_teacher(
    teacher: keras.Model, contract: PixelContract | None = None, features: str | None = None
) -> TeacherDescription:
    """Determine the input and the output of a teacher, without any data.

    Args:
        teacher: An image classifier.
        contract: The pixel values that it expects; None detects them.
        features: Name of the layer whose output R_m uses; None is the penultimate layer.

    Returns:
        The description.

    Raises:
        InputError: If the outputs are neither logits nor softmax probabilities, or not finite.

    Example:

    >>> describe_teacher(teacher, contract).num_classes
    3
    """
    contract = contract or contract_of(teacher)
    signals = TeacherSignals(teacher, features)
    shape = tuple(teacher.input_shape[1:])
    inputs = contract.to_input(smooth_images(8, shape))
    _check_outputs(teacher, signals, inputs)
    _check_gradient(signals, inputs)
    head = "softmax" if signals.softmax_removed else "logits"
    return TeacherDescription(
        shape, int(teacher.output_shape[-1]), head, contract, signals.features_name
    )


def contract_of(teacher: keras.Model, decide: bool = False) -> PixelContract:
    """Infer the pixels that a classifier expects, and check that it is one where it is asked for.

    Args:
        teacher: An image classifier.
        decide: As for `detect_contract`.

    Raises:
        UndecidedPixelsError: As `detect_contract` does.
        InputError: If the outputs are neither logits nor softmax probabilities.

    Example:

    >>> isinstance(contract_of(teacher, decide=True), PixelContract)
    True
    """
    try:
        return detect_contract(teacher, decide)
    except UndecidedPixelsError as error:
        # Who is asked for the pixels should not be refused afterwards.
        images = smooth_images(8, tuple(teacher.input_shape[1:]))
        inputs = error.candidates[0].to_input(images)
        _check_outputs(teacher, TeacherSignals(teacher), inputs)
        raise


def _check_gradient(signals: TeacherSignals, inputs: np.ndarray) -> None:
    """Check that a generator can learn from the teacher: that its answers depend on the images."""
    noise = np.random.default_rng(0).uniform(inputs.min(), inputs.max(), inputs.shape)
    images = tf.constant(np.concatenate([inputs, noise.astype(inputs.dtype)]))
    with tf.GradientTape() as tape:
        tape.watch(images)
        logits = signals(images)[0]
        spread = tf.reduce_sum(tf.math.reduce_variance(logits, -1))
    gradient = tape.gradient(spread, images)
    if gradient is None or not np.abs(np.asarray(gradient)).max() > 0:
        raise InputError(
            "Expected a teacher whose answers have a gradient with respect to its images, from "
            "which a generator can learn. Received: none or 0 everywhere, as behind a rounding, a "
            "cast to integers, or an arg max; or `contract` may be wrong."
        )


def _check_outputs(teacher: keras.Model, signals: TeacherSignals, inputs: np.ndarray) -> None:
    """Check the outputs of a teacher for smooth random images."""
    logits = np.asarray(signals(inputs)[0])
    if not np.isfinite(logits).all():
        raise InputError(
            "Expected a classifier with finite outputs. Received NaN or infinity for smooth "
            "random images; its weights may be damaged, or `contract` may be wrong."
        )
    # Small logits may lie in [0, 1] as well, but not those of images far outside of their range.
    extreme = np.concatenate([inputs, _FAR * inputs, -_FAR * inputs])
    outputs = np.asarray(keras.ops.convert_to_numpy(teacher(extreme, training=False)))
    sums_to_one = np.allclose(outputs.sum(-1), 1.0, atol=1e-3)
    if outputs.min() >= 0 and outputs.max() <= 1 and not sums_to_one and np.ptp(outputs) > 1e-6:
        raise InputError(
            "Expected a classifier with logits or softmax probabilities. Received outputs in "
            "[0, 1] that do not sum to 1, as those of a sigmoid; several labels per image are not "
            "supported."
        )
    if sums_to_one and outputs.min() >= 0 and not signals.softmax_removed:
        raise InputError(
            "Expected a softmax that can be removed: a layer at the end of a functional or "
            f"sequential model. Received probabilities from a {type(teacher).__name__}."
        )
