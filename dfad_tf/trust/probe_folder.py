"""A few real images of a user, on which networks are compared and nothing is trained."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np

from dfad_tf.compute.prediction import predict_classes
from dfad_tf.data.image_files import image_files, read_image
from dfad_tf.data.pixel_contract import PixelContract
from dfad_tf.utils.image_counts import affordable_count

CONFIDENCE = 0.95
_MOST, _PIXELS, _LEAST = 1000, 2**23, 200


@dataclass(frozen=True)
class RealAgreement:
    """On how many of a few real images a student answers like its teacher.

    Attributes:
        images: Number of images.
        same: Number of images for which both predict the same class.
        low: Lower end of the 95 % interval of the agreement on all such images.
        high: Upper end of it.
    """

    images: int
    same: int
    low: float
    high: float

    @property
    def agreement(self) -> float:
        """Share of the images for which both predict the same class."""
        return self.same / self.images


def load_probe_images(path: str, shape: tuple[int, int, int]) -> np.ndarray:
    """Read the images of a folder, scaled to the size of a network's input.

    Args:
        path: The folder; images in its subfolders count as well. Of many images, a random choice
            is read, of at most 1,000 small ones and 200 large ones.
        shape: `(height, width, channels)`.

    Returns:
        Raw pixels from 0 to 255, uint8 `(n, height, width, channels)`.

    Raises:
        InputError: If there are no images, or one is not readable.
    """
    files = image_files(path)
    count = affordable_count(_MOST, shape, _PIXELS, _LEAST)
    chosen = np.sort(np.random.default_rng(0).permutation(len(files))[:count])
    return np.stack([read_image(files[index], shape, resize=True) for index in chosen])


def real_agreement(
    teacher: keras.Model, student: keras.Model, pixels: np.ndarray, contract: PixelContract
) -> RealAgreement:
    """Compare a student with its teacher on real images. No labels are needed.

    Args:
        teacher: The teacher.
        student: The student.
        pixels: Raw pixels from 0 to 255, `(n, height, width, channels)`.
        contract: The pixels that both expect.

    Returns:
        The agreement with its exact (Clopper-Pearson) binomial interval.
    """
    inputs = contract.to_input(pixels)
    same = predict_classes(teacher, inputs) == predict_classes(student, inputs)
    count = int(same.sum())
    return RealAgreement(len(same), count, *binomial_interval(count, len(same)))


def binomial_interval(
    successes: int, trials: int, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """Return the Clopper-Pearson interval of a share, which covers at least what it states.

    Args:
        successes: Number of successes.
        trials: Number of trials, at least 1.
        confidence: Probability with which the interval contains the share.

    Example:

    >>> [round(end, 3) for end in binomial_interval(10, 10)]
    [0.692, 1.0]

    Reference:
        Clopper and Pearson, "The use of confidence or fiducial limits", Biometrika 26 (1934).
    """
    from scipy.stats import beta  # a slow import, which few runs need

    tail = (1 - confidence) / 2
    low = beta.ppf(tail, successes, trials - successes + 1) if successes else 0.0
    high = beta.ppf(1 - tail, successes + 1, trials - successes) if successes < trials else 1.0
    return float(low), float(high)
