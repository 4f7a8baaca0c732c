"""The kinds of procedural images, and how many of each suit a teacher."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dfad_tf.data.class_balance import normalized_entropy
from dfad_tf.data.matching_weights import matching_weights

# For a teacher that recorded no statistics of its data: scenes with a share of drawings, and
# drawings alone on a light or a dark background; the latter also without sharp edges, as images
# have that were enlarged.
KINDS: tuple[dict[str, float], ...] = (
    {},
    {"symbol_share": 1.0, "dark_share": 1.0},
    {"symbol_share": 1.0, "dark_share": 0.0},
    {"symbol_share": 1.0, "dark_share": 1.0, "blur": 0.05},
)
# For one that did, which tells finer kinds apart.
FINE_KINDS: tuple[dict[str, float], ...] = (
    *({"symbol_share": 0.0, "blur": blur} for blur in (0.0, 0.02, 0.05)),
    *(
        {"symbol_share": 1.0, "dark_share": dark, "blur": blur}
        for dark, blurs in ((1.0, (0.0, 0.02, 0.035, 0.05, 0.08)), (0.0, (0.0, 0.035)))
        for blur in blurs
    ),
)

_LEAST_IN_EFFECT, _OF_A_CLASS = 200, 20  # images in effect


def most_even(labels: Sequence[np.ndarray], num_classes: int) -> int:
    """Return the place of the kind whose images a teacher distributes most evenly.

    Args:
        labels: The teacher's class of some images of each kind.
        num_classes: Number of classes.
    """
    return int(np.argmax([normalized_entropy(found, num_classes) for found in labels]))


def matching_counts(
    count: int,
    moments: Sequence[np.ndarray],
    labels: Sequence[np.ndarray],
    num_classes: int,
    channels: int,
) -> list[int]:
    """Divide images between kinds so that together they can match a teacher's statistics.

    Args:
        count: Number of images.
        moments: Statistics of some images of each kind (see `ImageMoments`).
        labels: The teacher's class of each of them.
        num_classes: Number of classes.
        channels: Number of channels whose mean and variance the teacher recorded.

    Returns:
        Number of images of each kind, with the sum `count`.
    """
    owners = np.repeat(np.arange(len(labels)), [len(found) for found in labels])
    all_labels = np.concatenate(labels)
    effective = in_effect(len(all_labels), num_classes, channels)
    weights = matching_weights(np.concatenate(moments), all_labels, num_classes, effective)
    shares = np.bincount(owners, weights, len(labels))
    counts = np.floor(shares / shares.sum() * count).astype(int)
    counts[np.argmax(shares)] += count - counts.sum()
    return [int(number) for number in counts]


def in_effect(candidates: int, num_classes: int, channels: int) -> float:
    """Return how many of the candidates shall be in effect after they were weighted.

    Fewer match the statistics better, and more are more diverse: a teacher that recorded more
    tells more kinds of images apart.

    Args:
        candidates: Number of candidates.
        num_classes: Number of classes.
        channels: Number of channels whose mean and variance the teacher recorded.
    """
    wanted = max(_LEAST_IN_EFFECT, channels, _OF_A_CLASS * num_classes)
    return max(1.0, min(candidates / 4, wanted))
