"""Compare the answers of an exported file with those of the Keras student."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import keras
import numpy as np

from dfad_tf.data.pixel_contract import PixelContract
from dfad_tf.exporting.calibration import generated_pixels, noise_pixels
from dfad_tf.graphs.multiply_adds import multiply_adds
from dfad_tf.teachers.teacher_signals import TeacherSignals
from dfad_tf.utils.errors import InputError

IMAGES_PER_KIND = 200  # noise images, and generated images
_SEED = 0xC4EC  # differs from the seeds of training and of calibration
_DECIDED = 0.1  # in standard deviations of the logits: rounding may reverse a smaller lead
_MAX_WORK = 5e11  # multiply-adds per file: about 15 seconds on one core
_MIN_TEST_IMAGES = 1000
_BATCH = 100


@dataclass(frozen=True)
class LabelledImages:
    """Real images that measure the accuracy of the exported files.

    Args:
        pixels: Raw pixels, uint8 `(n, height, width, channels)`.
        labels: Their classes, integers `(n,)`.
        name: Name of the data set, for the model card.
    """

    pixels: np.ndarray
    labels: np.ndarray
    name: str


@dataclass
class Reference:
    """The answers of the Keras student to images of several kinds.

    Attributes:
        pixels: Raw pixels, uint8 `(n, height, width, channels)`, by kind of image:
            `"noise"`, `"generated"` or `"test"`.
        logits: Logits of the Keras student, float32 `(n, classes)`, by kind of image.
        labels: Classes of the `"test"` images; None if there are none.
    """

    pixels: dict[str, np.ndarray]
    logits: dict[str, np.ndarray]
    labels: np.ndarray | None = None

    def accuracy(self, logits: np.ndarray) -> float:
        """Return the share of test images whose largest logit is that of their class."""
        return float((logits.argmax(-1) == self.labels).mean())


@dataclass
class Agreement:
    """Differences between the answers of a file and of the Keras student, by kind of image.

    Attributes:
        same_class: Share of images for which both predict the same class.
        changed: Share of images whose class differs although the Keras student is decided: its
            largest logit exceeds the second largest by more than a tenth of the logits'
            standard deviation.
        logit_error: Root mean square of the difference of the logits, divided by the standard
            deviation of the Keras student's logits.
        accuracy: Accuracy of the file on test images; None without test images.
    """

    same_class: dict[str, float] = field(default_factory=dict)
    changed: dict[str, float] = field(default_factory=dict)
    logit_error: dict[str, float] = field(default_factory=dict)
    accuracy: float | None = None


@dataclass(frozen=True)
class AgreementBounds:
    """The maximum differences that a format may cause.

    Attributes:
        logit_error: Maximum of `Agreement.logit_error`; None sets no bound.
        changed: Maximum of `Agreement.changed`, from 0 to 1.
    """

    logit_error: float | None
    changed: float


def reference_of(
    student: keras.Model,
    contract: PixelContract,
    generator: keras.Model | None = None,
    test: LabelledImages | None = None,
) -> Reference:
    """Select images to compare on, and let the Keras student classify them.

    Args:
        student: A classifier in float32.
        contract: The pixels that the student expects.
        generator: Generates images; None skips generated images.
        test: Real images; None skips them. A large network is compared on a subset.
    """
    pixels = {"noise": noise_pixels(student.input_shape[1:], IMAGES_PER_KIND, _SEED)}
    if generator is not None:
        pixels["generated"] = generated_pixels(generator, contract, IMAGES_PER_KIND, _SEED)
    labels = None
    if test is not None:
        # Evenly spaced, because a data set may be ordered by class.
        count = affordable_test_images(student, len(test.pixels))
        chosen = np.linspace(0, len(test.pixels) - 1, count).round().astype(int)
        pixels["test"], labels = test.pixels[chosen], np.asarray(test.labels)[chosen]
    return Reference(pixels, keras_logits(student, contract, pixels), labels)


def keras_logits(
    student: keras.Model, contract: PixelContract, pixels: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Classify images with a Keras model.

    Args:
        student: A classifier.
        contract: The pixels that it expects.
        pixels: Raw pixels, uint8 `(n, height, width, channels)`, by kind of image.

    Returns:
        Logits, float32 `(n, classes)`, by kind of image.
    """
    signals = TeacherSignals(student)
    logits = {}
    for kind, images in pixels.items():
        inputs = contract.to_input(images)
        batches = (inputs[start : start + _BATCH] for start in range(0, len(inputs), _BATCH))
        logits[kind] = np.concatenate([np.asarray(signals(batch)[0]) for batch in batches])
    return logits


def affordable_test_images(student: keras.Model, count: int) -> int:
    """Return how many of `count` test images are classified in an acceptable time."""
    return min(count, max(_MIN_TEST_IMAGES, int(_MAX_WORK / max(1, multiply_adds(student)))))


def compare(logits: dict[str, np.ndarray], reference: Reference) -> Agreement:
    """Compare the answers of a file with those of the Keras student.

    Args:
        logits: Logits of the file, `(n, classes)`, by kind of image.
        reference: The answers of the Keras student to the same images.
    """
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
        # A file that returns NaN must exceed every bound.
        found.logit_error[kind] = error / spread if np.isfinite(error) else math.inf
    if reference.labels is not None:
        found.accuracy = reference.accuracy(logits["test"])
    return found


def check_agreement(
    found: Agreement, name: str, bounds: AgreementBounds, tolerance: float | None = None
) -> None:
    """Check that the answers of a file are as close to the Keras student's as its format allows.

    Full-integer files clip values outside the calibrated range, which noise images exceed by
    design. Noise counts for them only if there are no other images.

    Args:
        found: The result of `compare`.
        name: The file's name, for the error.
        bounds: The bounds of its format.
        tolerance: Replaces `bounds.changed`.

    Raises:
        InputError: If a difference exceeds its bound.
    """
    kinds = set(found.logit_error)
    if bounds.logit_error is None and len(kinds) > 1:
        kinds -= {"noise"}
    max_error = math.inf if bounds.logit_error is None else bounds.logit_error
    max_changed = bounds.changed if tolerance is None else tolerance
    for kind in sorted(kinds):
        error, changed = found.logit_error[kind], found.changed[kind]
        if error > max_error or not math.isfinite(error):
            raise InputError(
                f"Expected the logits of {name} to differ from the Keras student's by at most "
                f"{max_error:g} (root mean square divided by their standard deviation) on {kind} "
                f"images. Received: {error:.3g}"
            )
        if changed > max_changed:
            raise InputError(
                f"Expected {name} to change the class of at most {100 * max_changed:g} % of the "
                f"{kind} images on which the Keras student is decided. Received: "
                f"{100 * changed:.1f} % (`tolerance` sets another maximum)"
            )
