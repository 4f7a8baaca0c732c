"""Does an exported file still answer as the Keras student does?"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import keras
import numpy as np

from dfad_tf.data.pixel_contract import PixelContract
from dfad_tf.exporting.files import LiteFile
from dfad_tf.graphs.multiply_adds import multiply_adds
from dfad_tf.teachers.teacher_signals import TeacherSignals
from dfad_tf.utils.errors import InputError

_DECIDED = 0.1  # of the logits' spread: a smaller lead is a tie that rounding may turn
_MOST_WORK = 5e11  # multiply-adds a file may cost: some 15 seconds on one core
_FEWEST_TEST_IMAGES = 1000
_BATCH = 100


@dataclass
class Reference:
    """What the Keras student answers, on images of several kinds.

    Attributes:
        pixels: Raw pixels, uint8 `(n, height, width, channels)`, by kind.
        logits: The student's float32 logits `(n, classes)`, by kind.
        labels: True classes of the kind `"test"`; None where there is none.
    """

    pixels: dict[str, np.ndarray]
    logits: dict[str, np.ndarray]
    labels: np.ndarray | None = None

    def accuracy(self, logits: np.ndarray) -> float:
        """Share of the test images that these logits put into their true class."""
        return float((logits.argmax(-1) == self.labels).mean())


@dataclass
class Agreement:
    """How far a file's answers are from the Keras student's, by kind of image.

    Attributes:
        same_class: Share of the images with the same class.
        changed: Share whose class differs although the Keras student was decided.
        logit_error: Root mean square of the logits' difference, over their spread.
        accuracy: On real test images; None where there are none.
    """

    same_class: dict[str, float] = field(default_factory=dict)
    changed: dict[str, float] = field(default_factory=dict)
    logit_error: dict[str, float] = field(default_factory=dict)
    accuracy: float | None = None


def reference_of(
    student: keras.Model,
    contract: PixelContract,
    pixels: dict[str, np.ndarray],
    labels: np.ndarray | None = None,
) -> Reference:
    """Ask the Keras student itself.

    Args:
        student: A classifier in float32.
        contract: The pixels that it expects.
        pixels: Raw pixels by kind; those named `"test"` go with `labels`.
        labels: True classes.
    """
    signals = TeacherSignals(student)
    logits = {}
    for kind, images in pixels.items():
        inputs = contract.to_input(images)
        batches = (inputs[start : start + _BATCH] for start in range(0, len(inputs), _BATCH))
        logits[kind] = np.concatenate([np.asarray(signals(batch)[0]) for batch in batches])
    return Reference(pixels, logits, labels)


def affordable_test_images(student: keras.Model, count: int) -> int:
    """Say how many of `count` test images a file is measured on, so that it ends in sight."""
    return min(count, max(_FEWEST_TEST_IMAGES, int(_MOST_WORK / max(1, multiply_adds(student)))))


def compare(logits: dict[str, np.ndarray], reference: Reference) -> Agreement:
    """Compare a file's logits with the Keras student's, by kind of image."""
    found = Agreement()
    for kind, expected in reference.logits.items():
        received = logits[kind]
        spread = max(float(expected.std()), 1e-12)
        differs = received.argmax(-1) != expected.argmax(-1)
        ordered = np.sort(expected, -1)
        decided = ordered[:, -1] - ordered[:, -2] > _DECIDED * spread
        error = float(np.sqrt(np.mean((received - expected) ** 2)))
        found.same_class[kind] = float(1 - differs.mean())
        found.changed[kind] = float((differs & decided).mean())
        # A file that gives NaN disagrees by any measure.
        found.logit_error[kind] = error / spread if np.isfinite(error) else math.inf
    if reference.labels is not None:
        found.accuracy = reference.accuracy(logits["test"])
    return found


def check_agreement(found: Agreement, file: LiteFile, most_changed: float | None = None) -> None:
    """Check that a file answers as its precision allows.

    Full integers clip what lies outside the calibrated range, as noise does by
    design: they are held to it only where there is nothing else to hold them to.

    Args:
        found: What `compare` found.
        file: Its precision.
        most_changed: Another bound in the place of `file.most_changed`.

    Raises:
        InputError: If its logits or its classes are too far from the Keras student's.
    """
    kinds = set(found.logit_error)
    if file.most_error is None and len(kinds) > 1:
        kinds -= {"noise"}
    bound = math.inf if file.most_error is None else file.most_error
    changed_bound = file.most_changed if most_changed is None else most_changed
    for kind in sorted(kinds):
        error, changed = found.logit_error[kind], found.changed[kind]
        if error > bound or not math.isfinite(error):
            raise InputError(
                f"Expected {file.name} within {bound:g} of the Keras student's logits (root mean "
                f"square over their spread) on {kind} images. Received: {error:.3g}"
            )
        if changed > changed_bound:
            raise InputError(
                f"Expected {file.name} to change the class of at most {100 * changed_bound:g} % of "
                f"the {kind} images that the Keras student is decided on. Received: "
                f"{100 * changed:.1f} % (`tolerance` sets another bound)"
            )
