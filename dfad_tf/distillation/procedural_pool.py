"""Procedural images as a source of training images, weighted so that they suit a teacher."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from dfad_tf.compute import replicas
from dfad_tf.compute.shared_variables import shared_variable
from dfad_tf.data.batch_augmentation import crop_batch
from dfad_tf.data.class_balance import balanced
from dfad_tf.data.matching_weights import matching_weights
from dfad_tf.data.pixel_contract import PixelContract
from dfad_tf.data.pixel_tensors import StoredPixels
from dfad_tf.data.procedural_images import procedural_images
from dfad_tf.distillation import procedural_kinds
from dfad_tf.distillation.image_moments import ImageMoments
from dfad_tf.graphs.multiply_adds import multiply_adds
from dfad_tf.teachers.teacher_signals import TeacherSignals
from dfad_tf.utils.image_counts import affordable_count

# Candidates drawn for each image that is kept; more if the teacher answers so many in a minute.
_CANDIDATES, _MORE_CANDIDATES, _MULTIPLY_ADDS = 2, 4, 4e11
# Large images are drawn in smaller numbers, which bound the seconds and the memory: of the pool,
# of a block that the teacher answers at once, of the images that decide the kind, and of the timed.
_POOL_PIXELS, _BLOCK_PIXELS, _PROBE_PIXELS, _TIMED_PIXELS = 2**23, 2**20, 2**21, 2**17
_LARGE = 64 * 64
# Images of a kind begin so far apart that no scene is drawn in two kinds.
_SEQUENCE = 2**26
_LEAST, _SMALLEST, _MOST_BLOCK, _PROBES, _MOST_TIMED = 64, 16, 1024, 2048, 128


class _Block(NamedTuple):
    """Candidates, uint8, with the teacher's class and the statistics of each."""

    pixels: np.ndarray
    labels: np.ndarray
    moments: np.ndarray


class ProceduralPool:
    """Draw images without data, and keep those that suit a teacher.

    A teacher with batch normalizations has recorded statistics of its data. Images of the kinds
    that are near to them are drawn, and weighted so that they match them and are even over the
    classes; images are then drawn by their weights. For any other teacher, that kind of images is
    drawn which it distributes most evenly over its classes, and each class is equally likely.

    The images are stored as bytes. They are a function of seed and teacher, so a backup does not
    contain them: a resumed run draws them again.

    Args:
        size: Number of images, at least 1. Of images above 64×64, at most 8.4 million pixels are
            kept, such as 910 images of 96×96, but not fewer than 64 images.
        image_shape: `(height, width, channels)`.
        contract: Pixels that the teacher expects.
        seed: Seed of the images.
        crop: How images are cropped before the teacher sees them: a name in
            `batch_augmentation.AUGMENTATIONS`. The statistics that a teacher recorded of cropped
            images contain the border.

    Reference:
        "What Makes a Good Dataset for Knowledge Distillation?", arXiv 2411.12817, for procedural
        images as a transfer set. The weights are of this project.
    """

    def __init__(
        self,
        size: int,
        image_shape: tuple[int, int, int],
        contract: PixelContract,
        seed: int,
        crop: str = "none",
    ) -> None:
        self.contract, self.seed, self.crop = contract, seed, crop
        if image_shape[0] * image_shape[1] > _LARGE:
            size = affordable_count(size, image_shape, _POOL_PIXELS, min(size, _LEAST))
        self.size = size
        self.images = shared_variable(tf.zeros((size, *image_shape), tf.uint8))
        self._weights = shared_variable(tf.ones(size))
        # The teacher's class of each image, in ascending order. Float, because replicas copy only
        # variables of a floating-point type.
        self._classes = shared_variable(tf.zeros(size))
        self._filled = False

    def fill(self, signals: TeacherSignals) -> None:
        """Draw the images, unless that is done already.

        Args:
            signals: The teacher, whose predictions the choice of the images makes even.
        """
        if self._filled:
            return
        classes = int(signals.teacher.output_shape[-1])
        moments = ImageMoments(signals)
        count = self._candidates(signals, moments)
        candidates = self._drawn(moments, self._counts(moments, count, classes))
        labels = candidates.labels
        if moments.count:
            effective = procedural_kinds.in_effect(count, classes, moments.channels)
            weights = matching_weights(candidates.moments, labels, classes, effective)
            chosen = np.sort(np.argsort(-weights, kind="stable")[: self.size])
        else:
            chosen = balanced(labels, self.size, classes, self.seed)
            # Each class has the same share of the draws, whatever number of images it has.
            counts = np.bincount(labels[chosen], minlength=classes)
            weights = 1.0 / np.maximum(counts, 1)[labels]
        chosen = chosen[np.argsort(labels[chosen], kind="stable")]
        self.images.assign(candidates.pixels[chosen])
        self._classes.assign(labels[chosen].astype(np.float32))
        self._weights.assign((weights[chosen] / weights[chosen].mean()).astype(np.float32))
        self._filled = True

    def seconds_to_fill(self, signals: TeacherSignals) -> float:
        """Estimate the seconds that `fill` takes, from a small block.

        Args:
            signals: The teacher.
        """
        if self._filled:
            return 0.0
        moments = ImageMoments(signals)
        timed = affordable_count(_MOST_TIMED, self.images.shape[1:], _TIMED_PIXELS, _SMALLEST)
        self._block(moments, timed, 0, {})  # with compilation
        begin = time.monotonic()
        self._block(moments, timed, 0, {})
        seconds = (time.monotonic() - begin) / timed
        kinds = len(_kinds(moments))
        images = self._candidates(signals, moments) + kinds * self._probes(kinds)
        return seconds * images

    def _candidates(self, signals: TeacherSignals, moments: ImageMoments) -> int:
        """Return the number of images that are drawn, of which the pool keeps `size`."""
        least, most = _CANDIDATES * self.size, _MORE_CANDIDATES * self.size
        if not moments.count:  # more images would not be more even
            return least
        affordable = int(_MULTIPLY_ADDS / max(1, multiply_adds(signals.teacher)))
        return max(least, min(most, affordable))

    def _probes(self, kinds: int) -> int:
        """Return the number of images of each kind that decide between the kinds."""
        most = min(_PROBES // kinds, _CANDIDATES * self.size)
        return affordable_count(most, self.images.shape[1:], _PROBE_PIXELS, min(most, _LEAST))

    def _counts(
        self, moments: ImageMoments, count: int, classes: int
    ) -> list[tuple[Mapping[str, float], int]]:
        """Return the kinds of images that suit the teacher, and how many of each to draw."""
        kinds = _kinds(moments)
        count_each = self._probes(len(kinds))
        apart = _SEQUENCE if moments.count else 0  # the same scenes, to compare kinds by
        probes = [
            self._block(moments, count_each, place * apart, kind)
            for place, kind in enumerate(kinds)
        ]
        labels = [probe.labels for probe in probes]
        if not moments.count:
            return [(kinds[procedural_kinds.most_even(labels, classes)], count)]
        found = [probe.moments for probe in probes]
        numbers = procedural_kinds.matching_counts(count, found, labels, classes, moments.channels)
        return list(zip(kinds, numbers, strict=True))

    def _drawn(
        self, moments: ImageMoments, counts: Sequence[tuple[Mapping[str, float], int]]
    ) -> _Block:
        """Draw the candidates of all kinds."""
        size = affordable_count(_MOST_BLOCK, self.images.shape[1:], _BLOCK_PIXELS, _SMALLEST)
        blocks = [
            self._block(moments, min(size, count - first), place * _SEQUENCE + first, kind)
            for place, (kind, count) in enumerate(counts)
            for first in range(0, count, size)
        ]
        return _Block(*(np.concatenate(part) for part in zip(*blocks, strict=True)))

    def _block(
        self, moments: ImageMoments, count: int, first: int, kind: Mapping[str, float]
    ) -> _Block:
        """Draw images of a kind, and let the teacher see them."""
        shape = tuple(self.images.shape[1:])
        drawn = procedural_images(count, shape, self.seed, first, **kind)
        pixels = np.rint(drawn).astype(np.uint8)
        size = affordable_count(_MOST_BLOCK, shape, _BLOCK_PIXELS, _SMALLEST)
        inputs = [self._seen(pixels[i : i + size], first + i) for i in range(0, count, size)]
        logits, found = zip(*(moments.of(batch) for batch in inputs), strict=True)
        return _Block(pixels, np.concatenate(logits).argmax(-1), np.concatenate(found))

    def _seen(self, pixels: np.ndarray, first: int) -> tf.Tensor:
        """Return images as the teacher sees them."""
        inputs = tf.constant(self.contract.to_input(pixels))
        key, black = tf.constant([self.seed, first]), self.contract.value_range[0]
        return crop_batch(inputs, key, self.crop, black)

    def draw(self, count: int, key: tf.Tensor, labels: tf.Tensor | None = None) -> tf.Tensor:
        """Draw images by their weights, of any class or of given classes.

        Args:
            count: Number of images for each replica.
            key: From `randomness.stateless_seed`.
            labels: The teacher's class of each image, integers `(count,)`; None for any, of which
                all are about equally likely. An image of any class stands for a class without
                images.

        Returns:
            Images `(count, height, width, channels)` in the teacher's input range.
        """
        weights = tf.convert_to_tensor(self._weights)
        places = replicas.weighted_places(weights, count, key + [3, 0])
        if labels is not None:
            classes, wanted = tf.convert_to_tensor(self._classes), tf.cast(labels, tf.float32)
            first, end = (tf.searchsorted(classes, wanted, side) for side in ("left", "right"))
            ends = tf.concat([[0.0], tf.cumsum(weights)], 0)
            low, high = tf.gather(ends, first), tf.gather(ends, end)
            uniform = tf.random.stateless_uniform((count * replicas.count(),), key + [4, 0])
            drawn = low + replicas.own(uniform) * (high - low)
            within = tf.searchsorted(ends, drawn, side="right") - 1
            within = tf.clip_by_value(within, first, tf.maximum(first, end - 1))  # by rounding
            places = tf.where(high > low, within, places)
        return self.inputs(tf.gather(self.images, places))

    def inputs(self, pixels: tf.Tensor) -> tf.Tensor:
        """Convert stored images to the teacher's input range, float32."""
        return StoredPixels(self.contract).from_bytes(pixels)


def _kinds(moments: ImageMoments) -> tuple[dict[str, float], ...]:
    return procedural_kinds.FINE_KINDS if moments.count else procedural_kinds.KINDS
