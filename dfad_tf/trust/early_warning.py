"""A warning in the first minutes of a run whose images are far from the teacher's data."""

from __future__ import annotations

import logging
import time

import keras
import numpy as np

from dfad_tf.compute.randomness import stateless_seed
from dfad_tf.methods.description import missing_ties
from dfad_tf.methods.method import Method
from dfad_tf.trust.evidence import evenness
from dfad_tf.trust.probe_sets import probe_batch, probe_count
from dfad_tf.trust.recorded_statistics import RecordedStatistics
from dfad_tf.utils.errors import InputError

ON_DISTRUST = ("warn", "stop")
_LOG = logging.getLogger(__name__)
_SECONDS = 90.0
LEAST_ENTROPY, LARGEST_DISTANCE = 0.8, 0.2


class EarlyWarning(keras.callbacks.Callback):
    """Look once at the images that a distillation has synthesized so far, and say what is wrong.

    It looks at the end of the first epoch, or after 90 seconds if the epoch takes longer. A run
    that resumes after its first epoch is not looked at again.

    Args:
        on_distrust: `"warn"` continues; `"stop"` ends training.

    Attributes:
        stopped: Why training was stopped; None if it was not.

    Raises:
        InputError: If `on_distrust` is unknown.

    Example:

    >>> watch = EarlyWarning("stop")
    >>> history = distiller.fit(
    ...     batch_size=8, epochs=1, steps_per_epoch=1, verbose=0, callbacks=[watch]
    ... )
    """

    def __init__(self, on_distrust: str = "warn") -> None:
        super().__init__()
        if on_distrust not in ON_DISTRUST:
            raise InputError(
                f"Expected `on_distrust` to be one of {', '.join(ON_DISTRUST)}. Received: "
                f"on_distrust={on_distrust!r}"
            )
        self.on_distrust = on_distrust
        self.stopped: str | None = None
        self._begin, self._pending, self._looked = 0.0, False, False

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self.stopped = None

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        # The first epoch begins again after a collapse.
        self._pending = epoch == 0 and not self._looked
        self._begin = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        # Replicas of several workers must take the same steps, whatever their clocks say.
        alone = self.model.distribute_strategy.num_replicas_in_sync == 1
        if self._pending and alone and time.monotonic() - self._begin > _SECONDS:
            self._look()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        # What a collapse has left is undone.
        if self._pending and not self.model.rolling_back:
            self._look()

    def _look(self) -> None:
        self._pending, self._looked = False, True
        statistics = RecordedStatistics(self.model.signals)
        signs = self.signs(statistics)
        if not signs:
            return
        advice = _advice(self.model.method, bool(statistics.count))
        text = f"The synthesized images may not suit the teacher: {'; '.join(signs)}.{advice}"
        if self.on_distrust == "warn":
            _LOG.warning("%s", text)
            return
        self.stopped = text
        self.model.stop_training = True

    def signs(self, statistics: RecordedStatistics) -> list[str]:
        """Return what is wrong with the images that the generator synthesizes now, in words.

        Args:
            statistics: The teacher of the distillation, and what it recorded.
        """
        shape = self.model.generator.output_shape[1:]
        count = probe_count(shape)
        key = stateless_seed(self.model.seed, "validation", -2)
        images = keras.ops.convert_to_numpy(self.model.example_images(count, key))
        logits, distances, _ = statistics.answers(images, probe_batch(shape))
        classes, found = logits.shape[-1], logits.argmax(-1)
        signs = []
        entropy = evenness(found, classes)
        if entropy < LEAST_ENTROPY:
            signs.append(
                f"the teacher puts {count} of them into {len(np.unique(found))} of its {classes} "
                f"classes, unevenly (class entropy {entropy:.2f}; {LEAST_ENTROPY} is expected)"
            )
        if distances and np.median(distances) > LARGEST_DISTANCE:
            signs.append(
                f"they are {np.median(distances):.2f} nats from the statistics that its batch "
                f"normalizations recorded (below {LARGEST_DISTANCE} is expected)"
            )
        return signs


def _advice(method: Method, has_statistics: bool) -> str:
    """Return which settings bring images closer to the teacher's data, as a sentence."""
    missing = missing_ties(method, has_statistics)
    return f" Try {', '.join(missing)}." if missing else " Try other seeds or a longer run."
