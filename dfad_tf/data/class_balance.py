"""The choice of images that cover the classes of a teacher evenly."""

from __future__ import annotations

import numpy as np

from dfad_tf.utils.errors import InputError


def balanced(labels: np.ndarray, count: int, num_classes: int, seed: int = 0) -> np.ndarray:
    """Choose images so that every class has the same number, as far as there are enough.

    A class with too few candidates gives all of them, and the other classes share the rest.
    No candidate is chosen twice.

    Args:
        labels: Class of each candidate, integers `(candidates,)` from 0 to `num_classes - 1`; for
            example the class that a teacher finds most probable.
        count: Number of images to choose, from 0 to the number of candidates.
        num_classes: Number of classes, at least 1.
        seed: Seed of the choice within each class, at least 0.

    Returns:
        Places of the chosen candidates in ascending order, int64 `(count,)`.

    Raises:
        InputError: If `labels` are no classes, or there are fewer candidates than `count`.

    Example:

    >>> labels = np.array([0, 0, 0, 0, 0, 1, 2, 2, 2])
    >>> np.bincount(labels[balanced(labels, 7, 3)])
    array([3, 1, 3])

    Reference:
        A transfer set that a teacher distributes evenly over its classes is recommended by "What
        Makes a Good Dataset for Knowledge Distillation?", arXiv 2411.12817.
    """
    available = _class_counts(labels, num_classes)
    if not 0 <= count <= len(labels):
        raise InputError(
            f"Expected `count` to be from 0 to the number of candidates, {len(labels)}. "
            f"Received: {count}"
        )
    random = np.random.default_rng(seed)
    quotas = _quotas(available, count, random)
    chosen = [
        random.choice(np.flatnonzero(labels == label), quota, replace=False)
        for label, quota in enumerate(quotas)
        if quota
    ]
    return np.sort(np.concatenate([np.zeros(0, np.int64), *chosen]))


def normalized_entropy(labels: np.ndarray, num_classes: int) -> float:
    """Measure how evenly labels are distributed over the classes.

    Args:
        labels: Class of each image, integers `(images,)` from 0 to `num_classes - 1`, at least one.
        num_classes: Number of classes, at least 2.

    Returns:
        The entropy of the distribution divided by that of the uniform distribution: 0 if all
        labels are equal, 1 if all classes are equally frequent.

    Raises:
        InputError: If `labels` are no classes or empty, or there are fewer than 2 classes.

    Example:

    >>> normalized_entropy(np.array([0, 1, 0, 1]), 2)
    1.0
    """
    counts = _class_counts(labels, num_classes)
    if num_classes < 2:
        raise InputError(f"Expected `num_classes` to be at least 2. Received: {num_classes}")
    if not counts.sum():
        raise InputError("Expected `labels` to contain at least one label. Received none.")
    shares = counts[counts > 0] / counts.sum()
    entropy = float(-(shares * np.log(shares)).sum() / np.log(num_classes))
    return min(max(entropy, 0.0), 1.0)  # rounding leaves the range by the last digit


def _class_counts(labels: np.ndarray, num_classes: int) -> np.ndarray:
    if num_classes < 1:
        raise InputError(f"Expected `num_classes` to be at least 1. Received: {num_classes}")
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise InputError(
            "Expected `labels` to be integers of shape (candidates,). "
            f"Received: {labels.dtype} of shape {labels.shape}"
        )
    if labels.size and not (labels.min() >= 0 and labels.max() < num_classes):
        raise InputError(
            f"Expected `labels` to be from 0 to {num_classes - 1}. "
            f"Received: {labels.min()} to {labels.max()}"
        )
    return np.bincount(labels, minlength=num_classes)


def _quotas(available: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """Return how many candidates each class gives, at most those available."""
    quotas = np.zeros_like(available)
    while count > 0:
        open_classes = np.flatnonzero(quotas < available)
        share = count // len(open_classes)
        if share == 0:  # fewer are left than classes that could give one
            quotas[random.choice(open_classes, count, replace=False)] += 1
            break
        given = np.minimum(share, available[open_classes] - quotas[open_classes])
        quotas[open_classes] += given
        count -= int(given.sum())
    return quotas
