"""Images on which student and teacher are compared after training; none had a part in it."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from dfad_tf.data.pixel_contract import PixelContract
from dfad_tf.data.procedural_images import procedural_images
from dfad_tf.trust.matched_images import STEPS, matched_images
from dfad_tf.trust.recorded_statistics import RecordedStatistics
from dfad_tf.utils.image_counts import affordable_count

GENERATED, DRAWN, MATCHED = "generated", "drawn", "matched"
BLENDED, CORRUPTED = "blended", "corrupted"
SECOND = "second"  # images of the generator of a second student, in a thorough report
STEADY = (DRAWN, MATCHED)  # on which the second student is compared with the first
_SETS = 5
_SEED = 2**20  # Far from the seeds of the procedural images of a training.
_CANDIDATES = 4  # drawn for each image that is kept, of images that are not very large
_CANDIDATE_PIXELS = 2**24
_MOST, _PIXELS, _LEAST = 256, 2**18, 48
_MOST_BATCH, _BATCH_PIXELS, _LEAST_BATCH = 128, 2**17, 8
# Scenes, and drawings on a dark or a light ground, with and without sharp edges.
_KINDS: tuple[dict[str, float], ...] = (
    {"symbol_share": 0.0},
    {"symbol_share": 1.0, "dark_share": 1.0},
    {"symbol_share": 1.0, "dark_share": 0.0},
    {"symbol_share": 1.0, "dark_share": 1.0, "blur": 0.05},
)


def probe_count(shape: tuple[int, int, int]) -> int:
    """Return how many images of a shape a set has."""
    return affordable_count(_MOST, shape, _PIXELS, _LEAST)


def probe_batch(shape: tuple[int, int, int]) -> int:
    """Return how many images of a shape a network sees at once."""
    return affordable_count(_MOST_BATCH, shape, _BATCH_PIXELS, _LEAST_BATCH)


def probe_passes(shape: tuple[int, int, int]) -> tuple[int, int]:
    """Return how many images teacher and student see for a trust report, for the plan.

    Args:
        shape: `(height, width, channels)`.

    Returns:
        Forward passes of the teacher, a backward pass as two, and of the student.
    """
    count = probe_count(shape)
    return count * (_CANDIDATES + 3 * STEPS + _SETS), count * _SETS


def probe_sets(
    statistics: RecordedStatistics, contract: PixelContract, generated: np.ndarray | None
) -> dict[str, np.ndarray]:
    """Return sets of images in the teacher's input range.

    - `generated`: images that the generator has not drawn before.
    - `drawn`: procedural images, as evenly over the teacher's classes as they go.
    - `matched`: drawn images that were moved towards the teacher's classes and its recorded
      statistics, by a search that knows neither student nor generator.
    - `blended`: means of two matched images.
    - `corrupted`: matched images with noise, another contrast and a shift.

    Args:
        statistics: The teacher, and what it recorded.
        contract: The pixels that the teacher expects.
        generated: Newly generated images `(n, height, width, channels)`; None without a generator.
    """
    teacher = statistics.signals.teacher
    shape = tuple(teacher.input_shape[1:])
    classes = int(teacher.output_shape[-1])
    count = probe_count(shape)
    batch = probe_batch(shape)
    drawn, labels = _drawn(statistics, contract, count, classes, batch)
    matched = matched_images(drawn, labels, statistics, contract, batch)
    random = np.random.default_rng(_SEED)
    sets = {DRAWN: drawn, MATCHED: matched}
    weight = random.uniform(0.3, 0.7, (count, 1, 1, 1)).astype(np.float32)
    sets[BLENDED] = weight * matched + (1 - weight) * matched[random.permutation(count)]
    sets[CORRUPTED] = _corrupted(matched, contract, random)
    return sets if generated is None else {GENERATED: generated, **sets}


def _drawn(
    statistics: RecordedStatistics, contract: PixelContract, count: int, classes: int, batch: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return drawn images and the class that each stands for, evenly over the classes."""
    shape = tuple(statistics.signals.teacher.input_shape[1:])
    candidates = affordable_count(_CANDIDATES * count, shape, _CANDIDATE_PIXELS, count)
    each = -(-candidates // len(_KINDS))
    pixels = np.concatenate(
        [
            procedural_images(each, shape, _SEED + place, 0, **kind)
            for place, kind in enumerate(_KINDS)
        ]
    )
    inputs = contract.to_input(np.rint(pixels))
    logits = statistics.answers(inputs, batch).logits
    chosen = likeliest(tf.nn.softmax(logits).numpy(), count, classes)
    return inputs[chosen[0]], chosen[1]


def likeliest(probabilities: np.ndarray, count: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Choose images for each class in turn, in a random order: those that are most of this class.

    Args:
        probabilities: The teacher's, `(candidates, classes)`.
        count: Number of images, at most the number of candidates.
        classes: Number of classes.

    Returns:
        Places of the images and the class of each, int64 `(count,)` both. No image is chosen twice.
    """
    labels = np.random.default_rng(_SEED).permutation(classes)[np.arange(count) % classes]
    free = np.ones(len(probabilities), bool)
    order = np.argsort(-probabilities, axis=0, kind="stable")
    next_place = np.zeros(classes, int)
    places = np.empty(count, np.int64)
    for number, label in enumerate(labels):
        while not free[order[next_place[label], label]]:
            next_place[label] += 1
        places[number] = order[next_place[label], label]
        free[places[number]] = False
    return places, labels


def _corrupted(
    images: np.ndarray, contract: PixelContract, random: np.random.Generator
) -> np.ndarray:
    raw = contract.to_pixels(images)
    mean = raw.mean((1, 2, 3), keepdims=True)
    contrast = random.uniform(0.7, 1.2, (len(raw), 1, 1, 1))
    raw = mean + contrast * (raw - mean) + random.uniform(-12, 12, (len(raw), 1, 1, 1))
    raw = raw + random.normal(0, 8, raw.shape)
    raw = np.roll(raw, (1, -1), (1, 2))
    return contract.to_input(np.clip(raw, 0, 255))
