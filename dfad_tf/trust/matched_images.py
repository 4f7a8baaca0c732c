"""Images that a teacher finds like its data, synthesized without the student or the generator."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from dfad_tf.data.pixel_contract import PixelContract
from dfad_tf.trust.recorded_statistics import RecordedStatistics

STEPS = 12
_STEP_PIXELS = 6.0  # of 255, that a pixel may change in a step
_STATISTICS_WEIGHT = 5.0
_DECAY_1, _DECAY_2 = 0.5, 0.9  # of Adam, whose memory is short in so few steps


def matched_images(
    starts: np.ndarray,
    labels: np.ndarray,
    statistics: RecordedStatistics,
    contract: PixelContract,
    batch_size: int,
) -> np.ndarray:
    """Move images towards classes of the teacher and the statistics that it recorded.

    The pixels descend on the cross-entropy of the teacher's answers with the labels, and on the
    mean distance from the recorded statistics, by steps of Adam that end at raw pixels 0 and 255.
    A teacher without batch normalization has the first term alone. Neither the student nor the
    generator takes part, so the images are a test of both.

    Args:
        starts: Images `(n, height, width, channels)` in the teacher's input range.
        labels: Wanted class of each image, integers `(n,)`.
        statistics: The teacher, and what it recorded.
        contract: The pixels that the teacher expects.
        batch_size: Images in a batch, whose statistics are matched together.

    Returns:
        Images like `starts`, float32.
    """
    scale, offset = (tf.constant(v, tf.float32) for v in (contract.scale, contract.offset))

    @tf.function(autograph=False)
    def gradient(raw: tf.Tensor, wanted: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(raw)
            answers = statistics.signals.observe(raw * scale + offset)
            loss = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(wanted, answers.logits)
            )
            if statistics.count:
                distances = statistics.distances(answers.activations)
                loss += _STATISTICS_WEIGHT * tf.add_n(distances) / statistics.count
        return tape.gradient(loss, raw)

    order = np.random.default_rng(0).permutation(len(starts))  # many classes in every batch
    result = np.empty_like(starts)
    for begin in range(0, len(starts), batch_size):
        places = order[begin : begin + batch_size]
        raw = np.clip(contract.to_pixels(starts[places]), 0, 255)
        wanted = tf.constant(labels[places], tf.int32)
        first = second = np.zeros_like(raw)
        for step in range(STEPS):
            slope = gradient(tf.constant(raw), wanted).numpy()
            first = _DECAY_1 * first + (1 - _DECAY_1) * slope
            second = _DECAY_2 * second + (1 - _DECAY_2) * slope**2
            moment = first / (1 - _DECAY_1 ** (step + 1))
            spread = np.sqrt(second / (1 - _DECAY_2 ** (step + 1))) + 1e-12
            rate = _STEP_PIXELS * 0.5 * (1 + np.cos(np.pi * step / STEPS))
            raw = np.clip(raw - rate * moment / spread, 0, 255).astype(np.float32)
        result[places] = contract.to_input(raw)
    return result
