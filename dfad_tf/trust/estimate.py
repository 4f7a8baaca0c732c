"""An estimate of how often a student answers like its teacher on real data, without any."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dfad_tf.trust.evidence import ProbeEvidence
from dfad_tf.trust.probe_sets import CORRUPTED, DRAWN, MATCHED

FEATURES = (MATCHED, DRAWN, CORRUPTED)
# `python -m benchmarks.trust_runs fit docs/trust_runs.csv` prints both.
WEIGHTS = (1.0, 0.5, 0.2, 0.2)  # an intercept, and a weight for each of `FEATURES`
BAND = (-1.0, 1.0)  # 5 and 95 % of the errors in log-odds, with the data set left out
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
        The estimate; None if the probes do not reach all classes of the teacher, since they say
        nothing about the others.
    """
    evidence = [probes[name] for name in FEATURES]
    if probes[MATCHED].class_entropy < 0.9:
        return None
    middle = WEIGHTS[0] + sum(
        weight * log_odds(each.balanced_agreement)
        for weight, each in zip(WEIGHTS[1:], evidence, strict=True)
    )
    return AgreementEstimate(share(middle), *(share(middle + error) for error in BAND))


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
