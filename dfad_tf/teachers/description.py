"""What is known about a teacher: shapes, classes, pixels, features."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np

from dfad_tf.data.pixel_contract import PixelContract
from dfad_tf.data.smooth_images import smooth_images
from dfad_tf.teachers.pixel_detection import detect_contract
from dfad_tf.teachers.teacher_signals import TeacherSignals
from dfad_tf.utils.errors import InputError


@dataclass(frozen=True)
class TeacherDescription:
    """What was found out about a teacher.

    Attributes:
        image_shape: `(height, width, channels)` of its input.
        num_classes: Number of its outputs.
        head: `"logits"`, or `"softmax"` (taken off for distillation).
        contract: The pixels it expects.
        features: Name of the features that R_m would read; None if there are none.
    """

    image_shape: tuple[int, int, int]
    num_classes: int
    head: str
    contract: PixelContract
    features: str | None


def describe_teacher(
    teacher: keras.Model, contract: PixelContract | None = None, features: str | None = None
) -> TeacherDescription:
    """Find out what a teacher takes and gives; everything here is without data.

    Args:
        teacher: A classifier of images.
        contract: The pixels it expects, if known; None detects them.
        features: Layer that R_m reads; None finds the penultimate.

    Returns:
        The description.

    Raises:
        InputError: If the outputs are neither logits nor softmax probabilities, or not finite.
    """
    contract = contract or detect_contract(teacher)
    signals = TeacherSignals(teacher, features)
    shape = tuple(teacher.input_shape[1:])
    inputs = contract.to_input(smooth_images(8, shape))
    logits = np.asarray(signals(inputs)[0])
    if not np.isfinite(logits).all():
        raise InputError(
            "Expected a classifier with finite outputs. Received NaN or infinity for smooth "
            "random images; its weights may be damaged, or --input_range is wrong."
        )
    outputs = np.asarray(keras.ops.convert_to_numpy(teacher(inputs, training=False)))
    sums_to_one = np.allclose(outputs.sum(-1), 1.0, atol=1e-3)
    if outputs.min() >= 0 and outputs.max() <= 1 and not sums_to_one and np.ptp(outputs) > 1e-6:
        raise InputError(
            "Expected a classifier with logits or softmax probabilities. Received outputs in "
            "[0, 1] that do not sum to 1, as of a sigmoid; several labels an image are not "
            "supported."
        )
    if sums_to_one and outputs.min() >= 0 and not signals.softmax_removed:
        raise InputError(
            "Expected a softmax that can be taken off: a layer at the end of a functional or "
            f"sequential model. Received probabilities from a {type(teacher).__name__}."
        )
    head = "softmax" if signals.softmax_removed else "logits"
    return TeacherDescription(
        shape, int(teacher.output_shape[-1]), head, contract, signals.features_name
    )
