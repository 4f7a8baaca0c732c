"""See a distillation collapse, without data, and undo it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from dfad_tf.callbacks.backup import Backup
from dfad_tf.compute.batch_statistics import as_in_training
from dfad_tf.compute.randomness import stateless_latent, stateless_seed

ON_COLLAPSE = ("restore", "warn", "stop")
# No healthy run of the README's comparisons came near these: none had less than 0.9 of its highest
# class entropy, more than 1.3 times its lowest loss, or lost 0.05 of its agreement.
_ENTROPY_KEPT = 0.7
_LEAST_ENTROPY = 0.15
_SPREAD_KEPT = 0.2
_LOSS_RISE = 3.0
_AGREEMENT_LOST = 0.25
_DIVERGENCE_RISE = 3.0
_IMAGES = 128


@dataclass(frozen=True)
class CollapseSign:
    """What shows that a training has collapsed.

    Attributes:
        text: In words.
        networks: Whose rate is too large for it: `"student"`, `"generator"`, or both.
    """

    text: str
    networks: tuple[str, ...]


class CollapseWatch(keras.callbacks.Callback):
    """Watch what needs no data, at the end of each epoch, and act on a collapse.

    It looks at losses and weights (finite?), the classes that the teacher sees in generated
    images (`class_entropy`), the spread of the images (`image_spread`), the student's
    loss, and its agreement with the teacher on held-out images, each beside the best of the
    run so far.

    Args:
        on_collapse: `"restore"` goes back to the last healthy epoch, with another noise
            and a smaller rate for the network at fault; `"stop"` ends the training; `"warn"`
            goes on.
        backup: What it restores from: a callback that comes before this one, and keeps
            this one's numbers. Without it, `"restore"` stops.
        max_restores: Times that it goes back; then it stops.

    Attributes:
        stopped: Why the training was stopped; None where it was not.

    Example:

    >>> watch = CollapseWatch("stop")
    >>> distiller.fit(epochs=200, callbacks=[watch])
    """

    def __init__(
        self, on_collapse: str = "restore", backup: Backup | None = None, max_restores: int = 5
    ) -> None:
        super().__init__()
        if on_collapse not in ON_COLLAPSE:
            raise ValueError(
                f"Expected `on_collapse` to be one of {ON_COLLAPSE}. Received: {on_collapse!r}"
            )
        self.on_collapse, self.backup, self.max_restores = on_collapse, backup, max_restores
        self.stopped: str | None = None
        # Public, so that a backup keeps them.
        self.highest_entropy = self.widest_spread = self.widest_now = 0.0
        self.highest_agreement = 0.0
        self.lowest_loss = math.inf
        self._healthy = True

    def on_train_begin(self, logs: Any = None) -> None:
        self._healthy = True

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if self._healthy and self.backup is not None:
            self.backup.mark_healthy()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        signs = self.signs(logs or {})
        self._healthy = not signs
        if self._healthy:
            return
        said = f"Collapse seen in epoch {epoch + 1}: {'; '.join(sign.text for sign in signs)}."
        if self.on_collapse == "warn":
            ends = self.model.stop_training  # as `TerminateOnNaN` may have decided
            print(said if ends else f"{said} Training goes on (--on_collapse=warn).", flush=True)
        elif self.on_collapse == "restore":
            self._restore(said, signs)
        else:
            self._stop(said)

    def signs(self, logs: dict[str, float]) -> list[CollapseSign]:
        """Return what shows a collapse in an epoch's logs; a healthy epoch's best is remembered."""
        validation = self.model.generated_validation
        if validation is not None:
            self.highest_agreement = max(self.highest_agreement, validation.agreement_before)
        broken = [name for name, value in logs.items() if not math.isfinite(value)]
        networks = [name for name in ("student", "generator") if not self._is_finite(name)]
        if broken or networks:
            what = [*broken, *(f"the {name}'s weights" for name in networks)]
            blamed = tuple(networks) or ("student", "generator")
            return [CollapseSign(f"{', '.join(what)} not finite", blamed)]
        agreement, divergence = self.highest_agreement, 0.0
        if validation is not None:
            agreement, divergence = validation.first_agreement, logs["val_divergence"]
        spread = self.spread_now()
        signs = [
            *self._of_generator(logs, spread),
            *self._of_student(logs["loss"], agreement, divergence),
        ]
        if not signs:
            self.highest_entropy = max(self.highest_entropy, logs["class_entropy"])
            self.widest_spread = max(self.widest_spread, logs["image_spread"])
            self.widest_now = max(self.widest_now, spread)
            self.lowest_loss = min(self.lowest_loss, logs["loss"])
            self.highest_agreement = max(self.highest_agreement, agreement)
        return signs

    def _of_generator(self, logs: dict[str, float], now: float) -> list[CollapseSign]:
        signs = []
        entropy, spread = logs["class_entropy"], logs["image_spread"]
        if entropy < max(_LEAST_ENTROPY, _ENTROPY_KEPT * self.highest_entropy):
            classes = self.model.teacher.output_shape[-1]
            signs.append(
                f"the teacher sees about {classes**entropy:.1f} of {classes} classes in the "
                f"generated images (class_entropy {entropy:.2f}, at best "
                f"{self.highest_entropy:.2f})"
            )
        alike = spread < _SPREAD_KEPT * self.widest_spread
        # In the first epoch there is nothing but the epoch itself to compare with.
        if alike or now < _SPREAD_KEPT * max(self.widest_now, spread / 2):
            signs.append(
                "the generated images are nearly alike (image_spread "
                f"{spread:.3g}, at best {self.widest_spread:.3g}; at the end of the epoch "
                f"{now:.3g}, at best {self.widest_now:.3g})"
            )
        return [CollapseSign(text, ("generator",)) for text in signs]

    def _of_student(self, loss: float, agreement: float, divergence: float) -> list[CollapseSign]:
        signs = []
        nothing = math.log(self.model.teacher.output_shape[-1])
        if divergence > _DIVERGENCE_RISE * nothing:
            signs.append(
                f"the student's answers diverge from the teacher's by {divergence:.3g} nats, where "
                f"one that knows nothing has {nothing:.3g}"
            )
        if loss > _LOSS_RISE * self.lowest_loss:
            signs.append(f"the student's loss has risen to {loss:.3g}, from {self.lowest_loss:.3g}")
        if agreement < self.highest_agreement - _AGREEMENT_LOST:
            signs.append(
                f"the student agrees with the teacher on {100 * agreement:.0f} % of the held-out "
                f"images, {100 * self.highest_agreement:.0f} % before"
            )
        return [CollapseSign(text, ("student",)) for text in signs]

    def spread_now(self) -> float:
        """Return the spread of images at this moment; the log has the mean of an epoch."""
        key = stateless_seed(self.model.seed, "validation", -1)
        generator = self.model.generator
        latent = stateless_latent(_IMAGES, generator.input_shape[-1], key)
        images = as_in_training(generator, latent)
        return float(np.mean(np.std(keras.ops.convert_to_numpy(images), axis=0)))

    def _is_finite(self, network: str) -> bool:
        weights = getattr(self.model, network).get_weights()
        return all(np.isfinite(array).all() for array in weights)

    def _restore(self, said: str, signs: list[CollapseSign]) -> None:
        backup = self.backup
        if backup is None:
            self._stop(f"{said} There is no backup to restore from.")
            return
        if len(backup.record.restores) >= self.max_restores:
            self._stop(f"{said} It was restored {self.max_restores} times before.")
            return
        networks = sorted({network for sign in signs for network in sign.networks})
        epoch = backup.roll_back(said, networks)
        print(
            f"{said}\nBack to the beginning of epoch {epoch + 1}, with other "
            f"noise and a smaller rate of the {' and the '.join(networks)}.",
            flush=True,
        )

    def _stop(self, said: str) -> None:
        self.stopped = said
        if self.backup is not None:
            self.backup.record.stopped = said  # what ends now must not seem whole later
        self.model.stop_training = True
