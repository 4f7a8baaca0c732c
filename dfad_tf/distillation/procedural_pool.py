"""Procedural images as a source of training images, evenly over the teacher's classes."""

from __future__ import annotations

import time

import numpy as np
import tensorflow as tf

from dfad_tf.compute import replicas
from dfad_tf.compute.shared_variables import shared_variable
from dfad_tf.data.class_balance import balanced, normalized_entropy
from dfad_tf.data.pixel_contract import PixelContract
from dfad_tf.data.pixel_tensors import StoredPixels
from dfad_tf.data.procedural_images import procedural_images
from dfad_tf.teachers.teacher_signals import TeacherSignals
from dfad_tf.utils.image_counts import affordable_count

_CANDIDATES = 2  # drawn for each image that is kept
# Large images are drawn in smaller numbers, which bound the seconds and the memory: of the pool,
# of a block that the teacher answers at once, of the images that decide the kind, and of the timed.
_POOL_PIXELS, _BLOCK_PIXELS, _PROBE_PIXELS, _TIMED_PIXELS = 2**23, 2**20, 2**21, 2**17
_LARGE = 64 * 64
_LEAST, _SMALLEST, _MOST_BLOCK, _MOST_PROBES, _MOST_TIMED = 64, 16, 1024, 512, 128
# Scenes with a share of drawings, and drawings alone on a light or a dark background; the latter
# also without sharp edges, as images have that were enlarged.
_KINDS: tuple[dict[str, float], ...] = (
    {},
    {"symbol_share": 1.0, "dark_share": 1.0},
    {"symbol_share": 1.0, "dark_share": 0.0},
    {"symbol_share": 1.0, "dark_share": 1.0, "blur": 0.05},
)


class ProceduralPool:
    """Draw images without data, and keep those that cover the teacher's classes evenly.

    Of several kinds of images, that kind is drawn which the teacher distributes most evenly.

    The images are stored as bytes. They are a function of seed and teacher, so a backup does not
    contain them: a resumed run draws them again.

    Args:
        size: Number of images, at least 1. Of images above 64×64, at most 8.4 million pixels are
            kept, such as 910 images of 96×96, but not fewer than 64 images.
        image_shape: `(height, width, channels)`.
        contract: Pixels that the teacher expects.
        seed: Seed of the images.

    Reference:
        "What Makes a Good Dataset for Knowledge Distillation?", arXiv 2411.12817.
    """

    def __init__(
        self, size: int, image_shape: tuple[int, int, int], contract: PixelContract, seed: int
    ) -> None:
        self.contract, self.seed = contract, seed
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
        kind = self._best_kind(signals, classes)
        count = _CANDIDATES * self.size
        drawn = np.empty((count, *self.images.shape[1:]), np.uint8)
        labels = np.empty(count, np.int64)
        size = affordable_count(_MOST_BLOCK, drawn.shape[1:], _BLOCK_PIXELS, _SMALLEST)
        for first in range(0, count, size):
            block = slice(first, min(first + size, count))
            drawn[block], labels[block] = self._block(signals, block.stop - first, first, kind)
        chosen = balanced(labels, self.size, classes, self.seed)
        chosen = chosen[np.argsort(labels[chosen], kind="stable")]
        counts = np.bincount(labels[chosen], minlength=classes)
        self.images.assign(drawn[chosen])
        self._classes.assign(labels[chosen].astype(np.float32))
        # Each class has the same share of the draws, whatever number of images it has.
        self._weights.assign(1.0 / counts[labels[chosen]])
        self._filled = True

    def seconds_to_fill(self, signals: TeacherSignals) -> float:
        """Estimate the seconds that `fill` takes, from a small block.

        Args:
            signals: The teacher.
        """
        if self._filled:
            return 0.0
        timed = affordable_count(_MOST_TIMED, self.images.shape[1:], _TIMED_PIXELS, _SMALLEST)
        self._block(signals, timed, 0, {})  # with compilation
        begin = time.monotonic()
        self._block(signals, timed, 0, {})
        images = _CANDIDATES * self.size + len(_KINDS) * self._probes()
        return (time.monotonic() - begin) / timed * images

    def _probes(self) -> int:
        """Return the number of images that decide between the kinds."""
        most = min(_MOST_PROBES, _CANDIDATES * self.size)
        return affordable_count(most, self.images.shape[1:], _PROBE_PIXELS, min(most, _LEAST))

    def _best_kind(self, signals: TeacherSignals, classes: int) -> dict[str, float]:
        """Return the kind of images that the teacher distributes most evenly over its classes."""
        probes = self._probes()

        def evenness(kind: dict[str, float]) -> float:
            return normalized_entropy(self._block(signals, probes, 0, kind)[1], classes)

        return max(_KINDS, key=evenness)

    def _block(
        self, signals: TeacherSignals, count: int, first: int, kind: dict[str, float]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Draw images, uint8, and return the teacher's predictions for them as well."""
        shape = tuple(self.images.shape[1:])
        drawn = procedural_images(count, shape, self.seed, first, **kind)
        pixels = np.rint(drawn).astype(np.uint8)
        size = affordable_count(_MOST_BLOCK, shape, _BLOCK_PIXELS, _SMALLEST)
        inputs = [self.contract.to_input(pixels[i : i + size]) for i in range(0, count, size)]
        logits = [signals(tf.constant(batch))[0] for batch in inputs]
        return pixels, tf.argmax(tf.concat(logits, 0), -1).numpy()

    def draw(self, count: int, key: tf.Tensor, labels: tf.Tensor | None = None) -> tf.Tensor:
        """Draw images so that all classes of the teacher are equally likely, or of given classes.

        Args:
            count: Number of images for each replica.
            key: From `randomness.stateless_seed`.
            labels: The teacher's class of each image, integers `(count,)`; None for any. An image
                of any class stands for a class without images.

        Returns:
            Images `(count, height, width, channels)` in the teacher's input range.
        """
        weights = tf.convert_to_tensor(self._weights)
        places = replicas.weighted_places(weights, count, key + [3, 0])
        if labels is not None:
            classes, wanted = tf.convert_to_tensor(self._classes), tf.cast(labels, tf.float32)
            first, end = (tf.searchsorted(classes, wanted, side) for side in ("left", "right"))
            found = end - first
            uniform = tf.random.stateless_uniform((count * replicas.count(),), key + [4, 0])
            within = tf.cast(replicas.own(uniform) * tf.cast(found, tf.float32), tf.int32)
            places = tf.where(found > 0, first + tf.minimum(within, found - 1), places)
        return self.inputs(tf.gather(self.images, places))

    def inputs(self, pixels: tf.Tensor) -> tf.Tensor:
        """Convert stored images to the teacher's input range, float32."""
        return StoredPixels(self.contract).from_bytes(pixels)
