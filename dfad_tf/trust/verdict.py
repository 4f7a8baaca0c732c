"""The verdict on a student, with its reasons in words and numbers."""

from __future__ import annotations

from dfad_tf.trust.estimate import AgreementEstimate
from dfad_tf.trust.evidence import ProbeEvidence
from dfad_tf.trust.probe_folder import CONFIDENCE, RealAgreement
from dfad_tf.trust.probe_sets import GENERATED, MATCHED
from dfad_tf.trust.stability import Stability

TRUSTWORTHY, DOUBTFUL, DO_NOT_USE = "trustworthy", "doubtful", "do not use"
# Agreement with the teacher on real data: a student is trusted if the whole interval is above, and
# not to be used if all of it is below.
_ENOUGH = 0.8
_EVEN, _FAR = 0.8, 0.2


def verdict(
    probes: dict[str, ProbeEvidence],
    estimate: AgreementEstimate | None,
    real: RealAgreement | None,
    stability: Stability | None = None,
) -> tuple[str, tuple[str, ...]]:
    """Judge a student by its evidence.

    Args:
        probes: What was measured on each set of images, by its name.
        estimate: The agreement that is expected on real data; None where there is no estimate.
        real: The agreement on real images, which decides where they are enough; None without.
        stability: The agreement with a second student, which is a reason and decides nothing; None
            without one.

    Returns:
        `"trustworthy"`, `"doubtful"` or `"do not use"`, and the reasons, the most important first.
    """
    reasons = [*_of_real(real), *_of_estimate(estimate, probes), *_of_images(probes)]
    reasons += _of_stability(stability, probes)
    by_estimate = between(estimate.low, estimate.high) if estimate else DOUBTFUL
    if real is None:
        return by_estimate, tuple(reasons)
    by_real = between(real.low, real.high)
    # Few images leave the question open; they then confirm the estimate or contradict it.
    supports = TRUSTWORTHY if real.agreement >= _ENOUGH else DO_NOT_USE
    if by_real == DOUBTFUL and by_estimate == supports:
        return by_estimate, tuple(reasons)
    return by_real, tuple(reasons)


def between(low: float, high: float) -> str:
    """Return the verdict on a student whose agreement lies in an interval.

    Args:
        low: Lower end of the interval, 0 to 1.
        high: Upper end of it.

    Example:

    >>> between(0.85, 0.95)
    'trustworthy'
    """
    if low >= _ENOUGH:
        return TRUSTWORTHY
    return DO_NOT_USE if high < _ENOUGH else DOUBTFUL


def _of_real(real: RealAgreement | None) -> list[str]:
    if real is None:
        return []
    return [
        f"on {real.images} real images the student answers like its teacher for "
        f"{real.same}: {100 * real.agreement:.0f} %, with a {100 * CONFIDENCE:.0f} % interval of "
        f"{_percent(real.low)} to {_percent(real.high)} %"
    ]


def _of_estimate(estimate: AgreementEstimate | None, probes: dict[str, ProbeEvidence]) -> list[str]:
    matched = probes[MATCHED]
    if estimate is None:
        return [
            "no agreement on real data can be estimated: the images that were drawn and searched "
            f"for reach only {matched.classes_reached} of the teacher's classes, or unevenly"
        ]
    return [
        f"expected agreement with the teacher on real data {_percent(estimate.low)} to "
        f"{_percent(estimate.high)} % (90 % interval), from images that had no part in training"
    ]


def _of_images(probes: dict[str, ProbeEvidence]) -> list[str]:
    reasons = []
    generated = probes.get(GENERATED)
    if generated is not None and generated.class_entropy < _EVEN:
        reasons.append(
            f"the generator's images reach {generated.classes_reached} of the teacher's classes, "
            f"unevenly (class entropy {generated.class_entropy:.2f})"
        )
    if generated is not None and (generated.distance or 0) > _FAR:
        apart = generated.half_distance
        beside = f"; two halves of them are {apart:.2g} apart" if apart is not None else ""
        reasons.append(
            f"the generator's images are {generated.distance:.2f} nats from the statistics that "
            f"the teacher recorded of its data (0 is its data{beside})"
        )
    return reasons


def _of_stability(stability: Stability | None, probes: dict[str, ProbeEvidence]) -> list[str]:
    if stability is None:
        return []

    def shares(found: dict[str, float]) -> str:
        return " and ".join(f"{_percent(value)} % of the {name}" for name, value in found.items())

    own = {name: probes[name].agreement for name in stability.same}
    return [
        f"a second student, distilled from another seed, answers like this one for "
        f"{shares(stability.same)} images; this one answers like the teacher for {shares(own)}, "
        f"the second one for {shares(stability.second)}"
    ]


def _percent(share: float) -> str:
    return f"{100 * share:.0f}"
