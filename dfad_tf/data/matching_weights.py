"""Weights of images under which their statistics are those of other images."""

from __future__ import annotations

import numpy as np

from dfad_tf.utils.errors import InputError

# Single images may be far from all data; one such image must not decide the weights.
_LARGEST_MOMENT = 20.0
# Evenness of the classes counts as much as several statistics.
_CLASS_SCALE = 4.0
_STRENGTHS = (1e-2, 1e3)  # of the penalty, between which the number of effective images is met
_HALVINGS = 8


def matching_weights(
    moments: np.ndarray, labels: np.ndarray, num_classes: int, effective: float
) -> np.ndarray:
    """Weight images so that the weighted mean of their statistics is 0 and their classes are even.

    Of all weights that come equally near to this, those of largest entropy are found. How near
    they come is limited by the number of images that remain in effect: few images with large
    weights would match the statistics best, and be learned by heart.

    Args:
        moments: Statistics of each image, relative to those to be met, `(images, statistics)`.
        labels: Class of each image, integers `(images,)` from 0 to `num_classes - 1`.
        num_classes: Number of classes, at least 2.
        effective: Number of images in effect, 1 / Σ w², from 1 to the number of images.

    Returns:
        Weights with the sum 1, float64 `(images,)`.

    Raises:
        InputError: If the arguments do not describe the same images, or `effective` is outside of
            its range.

    Example:

    >>> brightness = np.linspace(-3, 1, 200)[:, None]
    >>> weights = matching_weights(brightness, np.arange(200) % 2, 2, effective=100)
    >>> bool(abs(weights @ brightness) < abs(brightness.mean()))
    True
    """
    if len(moments) != len(labels) or moments.ndim != 2:
        raise InputError(
            "Expected `moments` of shape (images, statistics), with as many images as `labels`. "
            f"Received: {moments.shape} for {len(labels)} labels"
        )
    if not 1 <= effective <= len(moments):
        raise InputError(
            f"Expected `effective` to be from 1 to the number of images, {len(moments)}. "
            f"Received: {effective}"
        )
    even = _CLASS_SCALE * (np.eye(num_classes, dtype=np.float32)[labels] - 1 / num_classes)
    known = np.nan_to_num(moments, nan=_LARGEST_MOMENT)  # of a teacher that overflows
    bounded = np.clip(known, -_LARGEST_MOMENT, _LARGEST_MOMENT).astype(np.float32)
    features = np.concatenate([bounded, even], 1)
    low, high = np.log(_STRENGTHS)
    multipliers = np.zeros(features.shape[1])
    weights = np.full(len(moments), 1 / len(moments))
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        multipliers, found = _tilted(features, float(np.exp(middle)), multipliers)
        if 1 / (found**2).sum() >= effective:
            weights, high = found, middle
        else:
            low = middle
    return weights


def _tilted(
    features: np.ndarray, strength: float, start: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Minimize the dual: log Σ exp(f·m) + strength/2 · |m|², whose exponentials are the weights."""
    from scipy import optimize, special  # Slow imports, which only this function needs.

    def dual(multipliers: np.ndarray) -> tuple[float, np.ndarray]:
        logits = _logits(features, multipliers)
        gradient = special.softmax(logits).astype(np.float32) @ features + strength * multipliers
        value = special.logsumexp(logits) + strength / 2 * (multipliers @ multipliers)
        return float(value), gradient

    options = {"maxiter": 60}
    found = optimize.minimize(dual, start, jac=True, method="L-BFGS-B", options=options).x
    return found, special.softmax(_logits(features, found))


def _logits(features: np.ndarray, multipliers: np.ndarray) -> np.ndarray:
    # The products in float32, which takes half of the memory; the exponentials in float64.
    return (features @ multipliers.astype(np.float32)).astype(np.float64)
