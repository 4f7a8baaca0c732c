"""The verdict on a student, with its reasons in words and numbers."""

from __future__ import annotations

from dfad_tf.trust.estimate import AgreementEstimate
from dfad_tf.trust.evidence import ProbeEvidence
from dfad_tf.trust.probe_folder import CONFIDENCE, RealAgreement
from dfad_tf.trust.probe_sets import GENERATED, MATCHED

TRUSTWORTHY, DOUBTFUL, DO_NOT_USE = "trustworthy", "doubtful", "do not use"
# Of the agreement with the teacher on real data: a student is trusted if it is hardly below the
# first, and not to be used if it is hardly above the second.
_TRUSTED, _USELESS = 0.8, 0.8
_EVEN, _FAR = 0.8, 0.2


def verdict(
    probes: dict[str, ProbeEvidence],
    estimate: AgreementEstimate | None,
    real: RealAgreement | None,
) -> tuple[str, tuple[str, ...]]:
    """Judge a student by its evidence.

    Args:
        probes: What was measured on each set of images, by its name.
        estimate: The agreement that is expected on real data; None where there is no estimate.
        real: The agreement on real images, which decides where there are any; None without.

    Returns:
        `"trustworthy"`, `"doubtful"` or `"do not use"`, and the reasons, the most important first.
    """
    reasons = [*_of_real(real), *_of_estimate(estimate, probes), *_of_images(probes)]
    if real is not None:
        return _between(real.low, real.high), tuple(reasons)
    if estimate is None:
        return DOUBTFUL, tuple(reasons)
    return _between(estimate.low, estimate.high), tuple(reasons)


def _between(low: float, high: float) -> str:
    if low >= _TRUSTED:
        return TRUSTWORTHY
    return DO_NOT_USE if high < _USELESS else DOUBTFUL


def _of_real(real: RealAgreement | None) -> list[str]:
    if real is None:
        return []
    return [
        f"on {real.images} real images (--probe_images) the student answers like its teacher for "
        f"{real.same}: {100 * real.agreement:.0f} %, with a {100 * CONFIDENCE:.0f} % interval of "
        f"{_percent(real.low)} to {_percent(real.high)} %"
    ]


def _of_estimate(estimate: AgreementEstimate | None, probes: dict[str, ProbeEvidence]) -> list[str]:
    matched = probes[MATCHED]
    if estimate is None:
        return [
            "no agreement on real data can be estimated: the images that were searched for reach "
            f"{matched.classes_reached} of the teacher's classes, unevenly"
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
        reasons.append(
            f"the generator's images are {generated.distance:.2f} nats from the statistics that "
            "the teacher recorded of its data (0 is its data)"
        )
    return reasons


def _percent(share: float) -> str:
    return f"{100 * share:.0f}"
