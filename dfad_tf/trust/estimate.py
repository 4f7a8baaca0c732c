"""An estimate of how often a student answers like its teacher on real data, without any."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dfad_tf.trust.evidence import ProbeEvidence
from dfad_tf.trust.probe_sets import DRAWN, MATCHED

FEATURES = (DRAWN,)
# Fitted to finished runs by `python -m benchmarks.trust_runs fit docs/trust_runs.csv`.
WEIGHTS = (0.818, 1.387)  # an intercept, and the weight of the mean log-odds of `FEATURES`
BAND = (-1.781, 2.883)  # the largest errors in log-odds, with the data set left out
_EVEN = 0.8
_IMAGES = 256  # in each set of those runs
_QUANTILE = 1.645  # of a 90 % interval
_CLOSEST = 0.01  # to 0 and 1: of a few hundred images, more is chance


@dataclass(frozen=True)
class AgreementEstimate:
    """The agreement with the teacher that is expected on data like the teacher's.

    Attributes:
        expected: Median of the expected agreement, 0 to 1.
        low: Lower end of its 90 % interval.
        high: Upper end of it.
    """

    expected: float
    low: float
    high: float


def estimate_agreement(probes: dict[str, ProbeEvidence]) -> AgreementEstimate | None:
    """Estimate the agreement on real data from that on the probe sets.

    Args:
        probes: What was measured on each set of images, by its name.

    Returns:
        The estimate; None if the drawn or the matched images do not cover the teacher's classes
        evenly, since the others would be forgotten.
    """
    if min(probes[name].class_entropy for name in (DRAWN, MATCHED)) < _EVEN:
        return None
    found = [probes[name] for name in FEATURES]
    mean = sum(log_odds(each.balanced_agreement) for each in found) / len(found)
    # Kept away from 0 and 1 as well, which no number of images here can show.
    middle = log_odds(share(WEIGHTS[0] + WEIGHTS[1] * mean))
    # The band contains the chance of the number of images that it was measured with.
    chance = sum(_variance(each) for each in found) / len(found) ** 2
    low, high = (
        middle + sign * math.hypot(error, _QUANTILE * WEIGHTS[1] * math.sqrt(chance))
        for sign, error in zip((-1, 1), BAND, strict=True)
    )
    return AgreementEstimate(share(middle), share(low), share(high))


def _variance(probe: ProbeEvidence) -> float:
    """Return by how much the log-odds vary more than with `_IMAGES` images."""
    kept = min(max(probe.balanced_agreement, _CLOSEST), 1 - _CLOSEST)
    return max(0.0, 1 / probe.images - 1 / _IMAGES) / (kept * (1 - kept))


def log_odds(agreement: float) -> float:
    """Return the log-odds of a share, which is kept away from 0 and 1.

    Args:
        agreement: The share, 0 to 1.
    """
    kept = min(max(agreement, _CLOSEST), 1 - _CLOSEST)
    return math.log(kept / (1 - kept))


def share(odds: float) -> float:
    """Return the share with some log-odds, the inverse of `log_odds`.

    Args:
        odds: The log-odds.
    """
    return 1 / (1 + math.exp(-odds))
