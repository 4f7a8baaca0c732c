"""What can be measured of a student without data."""

from __future__ import annotations

import math
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from dfad_tf.compute.prediction import predict
from dfad_tf.data.class_balance import normalized_entropy
from dfad_tf.trust.probe_sets import probe_batch
from dfad_tf.trust.recorded_statistics import RecordedStatistics


@dataclass(frozen=True)
class ProbeEvidence:
    """How student and teacher answer to one set of images.

    Attributes:
        images: Number of images.
        classes_reached: Number of classes into which the teacher puts at least one of them.
        class_entropy: How evenly they cover the teacher's classes, 0 to 1, see `evenness`.
        confidence: Mean largest probability of the teacher.
        agreement: Share of images for which both predict the same class.
        balanced_agreement: Mean of this share over the teacher's classes that are reached.
        divergence: Mean Kullback-Leibler divergence of the student's from the teacher's
            predictions, in nats.
        overconfidence: Mean largest probability of the student minus the agreement.
        distance: Median over the layers of the distance from the statistics that the teacher's
            batch normalizations recorded, in nats; None if there are none.
        layer_distances: The distance in each layer.
        half_distance: Median over the layers of the distance between two halves of the images,
            by chance about four times that of the whole set from its own source; None as for
            `distance`.
        layer_half_distances: The distance between the halves in each layer.
    """

    images: int
    classes_reached: int
    class_entropy: float
    confidence: float
    agreement: float
    balanced_agreement: float
    divergence: float
    overconfidence: float
    distance: float | None
    layer_distances: tuple[float, ...] = ()
    half_distance: float | None = None
    layer_half_distances: tuple[float, ...] = ()


def probe_evidence(
    student: keras.Model, statistics: RecordedStatistics, images: np.ndarray
) -> ProbeEvidence:
    """Compare a student with its teacher on images.

    Args:
        student: The student, whose outputs are logits.
        statistics: The teacher, and what it recorded.
        images: `(n, height, width, channels)` in the teacher's input range.
    """
    batch = probe_batch(images.shape[1:])
    teacher_logits, distances, halves = statistics.answers(images, batch)
    student_logits = predict(student, images).astype(np.float32)  # of any precision
    teacher, own = (tf.nn.softmax(logits).numpy() for logits in (teacher_logits, student_logits))
    first, second = (tf.nn.log_softmax(logits) for logits in (teacher_logits, student_logits))
    wanted, found = teacher.argmax(-1), own.argmax(-1)
    same = wanted == found
    reached = np.unique(wanted)
    return ProbeEvidence(
        len(images),
        len(reached),
        evenness(wanted, teacher.shape[-1]),
        float(teacher.max(-1).mean()),
        float(same.mean()),
        float(np.mean([same[wanted == label].mean() for label in reached])),
        float(tf.reduce_mean(tf.reduce_sum(teacher * (first - second), -1))),
        float(own.max(-1).mean() - same.mean()),
        float(np.median(distances)) if distances else None,
        tuple(distances),
        float(np.median(halves)) if halves else None,
        tuple(halves),
    )


def evenness(labels: np.ndarray, classes: int) -> float:
    """Measure how evenly images cover the classes, as far as their number allows.

    Args:
        labels: Class of each image, integers `(images,)`.
        classes: Number of classes, at least 2.

    Returns:
        0 if all labels are equal, 1 if every class has as many images as the others, or if each of
        fewer images than classes has a class of its own.

    Example:

    >>> round(evenness(np.array([3, 1, 7]), 1000), 6)
    1.0
    """
    most = math.log(max(2, min(classes, len(labels)))) / math.log(classes)
    return min(1.0, normalized_entropy(labels, classes) / most)
