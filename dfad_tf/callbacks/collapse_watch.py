"""Detection of a collapsed distillation without data, and recovery from it."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass

import keras
import numpy as np

from dfad_tf.callbacks.backup import Backup
from dfad_tf.compute.randomness import stateless_seed
from dfad_tf.utils.errors import InputError

_LOG = logging.getLogger(__name__)
ON_COLLAPSE = ("restore", "warn", "stop")
# No healthy run of docs/comparison.md came near these thresholds: none had less than 0.9 of
# its highest class entropy or more than 1.3 times its lowest loss, and none lost 0.05 of its
# agreement.
_ENTROPY_KEPT = 0.7
_MIN_ENTROPY = 0.15
_SPREAD_KEPT = 0.2
_LOSS_RISE = 3.0
_AGREEMENT_LOST = 0.25
_DIVERGENCE_RISE = 3.0
_IMAGES = 128


@dataclass(frozen=True)
class CollapseSign:
    """A sign that training has collapsed.

    Attributes:
        text: The sign in words.
        networks: The networks whose learning rate is too large: `"student"`, `"generator"`, or
            both.
    """

    text: str
    networks: tuple[str, ...]


class CollapseWatch(keras.callbacks.Callback):
    """Detect a collapse at the end of each epoch, without data, and act on it.

    The callback checks whether losses and weights are finite, and compares with the best values
    of the run so far: the number of classes that the teacher predicts for generated images
    (`class_entropy`), the spread of the images (`image_spread`), the student's loss, and its
    agreement with the teacher on held-out images. It logs what it does as a warning.

    Args:
        on_collapse: `"restore"` rolls back to the last healthy epoch, and continues with other
            noise and a lower learning rate of the network at fault. `"stop"` ends training.
            `"warn"` continues.
        backup: Backup to restore from: a callback that comes before this one and saves this
            one's numbers. Without it, `"restore"` stops.
        max_restores: Maximum number of rollbacks; a further collapse ends training.

    Attributes:
        stopped: Why training was stopped; None if it was not.

    Raises:
        InputError: If `on_collapse` is unknown.

    Example:

    >>> watch = callbacks.CollapseWatch("stop")
    >>> history = distiller.fit(
    ...     batch_size=8, epochs=2, steps_per_epoch=2, verbose=0, callbacks=[watch]
    ... )
    """

    def __init__(
        self, on_collapse: str = "restore", backup: Backup | None = None, max_restores: int = 5
    ) -> None:
        super().__init__()
        if on_collapse not in ON_COLLAPSE:
            raise InputError(
                f"Expected `on_collapse` to be one of {', '.join(ON_COLLAPSE)}. Received: "
                f"on_collapse={on_collapse!r}"
            )
        self.on_collapse, self.backup, self.max_restores = on_collapse, backup, max_restores
        self.stopped: str | None = None
        # Public, so that a backup contains them.
        self.highest_entropy = self.widest_spread = self.widest_now = 0.0
        self.highest_agreement = 0.0
        self.lowest_loss = math.inf
        self._healthy = True

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self._healthy = True

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        if self._healthy and self.backup is not None:
            self.backup.mark_healthy()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        signs = self.signs(logs or {})
        self._healthy = not signs
        if self._healthy:
            return
        found = "; ".join(sign.text for sign in signs)
        reason = f"Collapse detected in epoch {epoch + 1}: {found}."
        if self.on_collapse == "warn":
            ends = self.model.stop_training  # `TerminateOnNaN` may have set it.
            suffix = "" if ends else " Training continues (on_collapse=warn)."
            _LOG.warning("%s%s", reason, suffix)
        elif self.on_collapse == "restore":
            self._restore(reason, signs)
        else:
            self._stop(reason)

    def signs(self, logs: dict[str, float]) -> list[CollapseSign]:
        """Return the signs of a collapse in an epoch, and update the best values if it is healthy.

        Args:
            logs: The logs of the epoch.
        """
        validation = self.model.generated_validation
        if validation is not None:
            self.highest_agreement = max(self.highest_agreement, validation.agreement_before)
        broken = [name for name, value in logs.items() if not math.isfinite(value)]
        networks = [name for name in ("student", "generator") if not self._is_finite(name)]
        if broken or networks:
            values = [*broken, *(f"the {name}'s weights" for name in networks)]
            verb = "is" if values == broken[:1] else "are"  # weights are plural
            at_fault = tuple(networks) or ("student", "generator")
            return [CollapseSign(f"{', '.join(values)} {verb} not finite", at_fault)]
        agreement, divergence = self.highest_agreement, 0.0
        if validation is not None:
            agreement, divergence = validation.first_agreement, logs["val_divergence"]
        spread = self.spread_now()
        signs = [
            *self._generator_signs(logs, spread),
            *self._student_signs(logs["loss"], agreement, divergence),
        ]
        if not signs:
            self.highest_entropy = max(self.highest_entropy, logs["class_entropy"])
            self.widest_spread = max(self.widest_spread, logs["image_spread"])
            self.widest_now = max(self.widest_now, spread)
            self.lowest_loss = min(self.lowest_loss, logs["loss"])
            self.highest_agreement = max(self.highest_agreement, agreement)
        return signs

    def _generator_signs(self, logs: dict[str, float], now: float) -> list[CollapseSign]:
        signs = []
        entropy, spread = logs["class_entropy"], logs["image_spread"]
        if entropy < max(_MIN_ENTROPY, _ENTROPY_KEPT * self.highest_entropy):
            classes = self.model.teacher.output_shape[-1]
            signs.append(
                f"the teacher predicts about {classes**entropy:.1f} of {classes} classes for the "
                f"generated images (class_entropy {entropy:.2f}, best "
                f"{self.highest_entropy:.2f})"
            )
        alike = spread < _SPREAD_KEPT * self.widest_spread
        # The first epoch can only be compared with itself.
        if alike or now < _SPREAD_KEPT * max(self.widest_now, spread / 2):
            signs.append(
                "the generated images are nearly alike (image_spread "
                f"{spread:.3g}, best {self.widest_spread:.3g}; at the end of the epoch "
                f"{now:.3g}, best {self.widest_now:.3g})"
            )
        return [CollapseSign(text, ("generator",)) for text in signs]

    def _student_signs(
        self, loss: float, agreement: float, divergence: float
    ) -> list[CollapseSign]:
        signs = []
        of_uniform = math.log(self.model.teacher.output_shape[-1])
        if divergence > _DIVERGENCE_RISE * of_uniform:
            signs.append(
                f"the student's predictions diverge from the teacher's by {divergence:.3g} nats; "
                f"uniform predictions diverge by {of_uniform:.3g}"
            )
        if loss > _LOSS_RISE * self.lowest_loss:
            signs.append(f"the student's loss has risen from {self.lowest_loss:.3g} to {loss:.3g}")
        if agreement < self.highest_agreement - _AGREEMENT_LOST:
            signs.append(
                f"the student agrees with the teacher on {100 * agreement:.0f} % of the held-out "
                f"images, down from {100 * self.highest_agreement:.0f} %"
            )
        return [CollapseSign(text, ("student",)) for text in signs]

    def spread_now(self) -> float:
        """Return the current spread of the images; the logs contain its mean over the epoch."""
        key = stateless_seed(self.model.seed, "validation", -1)
        images = self.model.example_images(_IMAGES, key)
        return float(np.mean(np.std(keras.ops.convert_to_numpy(images), axis=0)))

    def _is_finite(self, network: str) -> bool:
        weights = getattr(self.model, network).get_weights()
        return all(np.isfinite(array).all() for array in weights)

    def _restore(self, reason: str, signs: list[CollapseSign]) -> None:
        backup = self.backup
        if backup is None:
            self._stop(f"{reason} There is no backup to restore from.")
            return
        if len(backup.record.restores) >= self.max_restores:
            self._stop(f"{reason} The run was already restored {self.max_restores} times.")
            return
        networks = sorted({network for sign in signs for network in sign.networks})
        epoch = backup.roll_back(reason, networks)
        _LOG.warning(
            "%s\nRolled back to the beginning of epoch %d, with other noise and a lower learning "
            "rate of the %s.",
            reason,
            epoch + 1,
            " and the ".join(networks),
        )

    def _stop(self, reason: str) -> None:
        self.stopped = reason
        if self.backup is not None:
            self.backup.record.stopped = reason  # So that the run does not count as complete.
        self.model.stop_training = True
