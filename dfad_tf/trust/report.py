"""The trust report: what speaks for a student and against it, where no data can measure it."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import numpy as np

from dfad_tf.data.pixel_contract import PixelContract
from dfad_tf.synthesis.generated_images import generated_images
from dfad_tf.teachers.teacher_signals import TeacherSignals
from dfad_tf.trust.estimate import AgreementEstimate, estimate_agreement
from dfad_tf.trust.evidence import ProbeEvidence, probe_evidence
from dfad_tf.trust.probe_folder import RealAgreement, real_agreement
from dfad_tf.trust.probe_sets import SECOND, STEADY, probe_count, probe_sets
from dfad_tf.trust.recorded_statistics import RecordedStatistics
from dfad_tf.trust.stability import SecondStudent, Stability, stability
from dfad_tf.trust.verdict import verdict

_SEED = 0x7257  # differs from the seeds of training, of its validation and of the export


@dataclasses.dataclass(frozen=True)
class TrustReport:
    """How far a student can be trusted, and why.

    Attributes:
        verdict: `"trustworthy"`, `"doubtful"` or `"do not use"`.
        reasons: The reasons in words and numbers.
        estimate: The agreement with the teacher that is expected on real data; None where the
            evidence does not carry an estimate.
        probes: What was measured on each set of images, by its name.
        real: The agreement on the user's own images; None without such images.
        stability: The agreement with a second student; None without one.
    """

    verdict: str
    reasons: tuple[str, ...]
    estimate: AgreementEstimate | None
    probes: dict[str, ProbeEvidence]
    real: RealAgreement | None = None
    stability: Stability | None = None

    def as_record(self) -> dict[str, Any]:
        """Return the report as JSON data."""
        record = dataclasses.asdict(self)
        if self.real:
            record["real"]["agreement"] = self.real.agreement
        return record


def trust_report(
    teacher: keras.Model,
    student: keras.Model,
    contract: PixelContract,
    generator: keras.Model | None = None,
    probe_pixels: np.ndarray | None = None,
    second: SecondStudent | None = None,
) -> TrustReport:
    """Compare a student with its teacher on images that had no part in training.

    No data are needed. The student and the teacher do not change.

    Args:
        teacher: The teacher, a classifier with one input.
        student: The student, with the same input, whose outputs are logits.
        contract: The pixels that both expect.
        generator: The generator that the student was distilled with; None without one.
        probe_pixels: A few real images that nothing was trained on, raw pixels
            `(n, height, width, channels)`; None without any. They decide the verdict.
        second: A student that was distilled independently, for example from another seed, and
            images of its generator; None without one.

    Returns:
        The report.

    Example:

    >>> report = trust_report(teacher, teacher, PixelContract("zero_one"))
    >>> report.probes["matched"].agreement
    1.0
    """
    statistics = RecordedStatistics(TeacherSignals(teacher))
    contract = contract.for_channels(teacher.input_shape[-1])
    count = probe_count(teacher.input_shape[1:])
    generated = generated_images(generator, count, _SEED) if generator else None
    sets = probe_sets(statistics, contract, generated)
    steady = None
    if second is not None:
        sets[SECOND] = second.images
        compared = {name: sets[name] for name in STEADY}
        steady = stability(teacher, student, second.student, compared)
    probes = {name: probe_evidence(student, statistics, images) for name, images in sets.items()}
    real = None
    if probe_pixels is not None:
        real = real_agreement(teacher, student, probe_pixels, contract)
    estimate = estimate_agreement(probes)
    judged = verdict(probes, estimate, real, steady)
    return TrustReport(*judged, estimate, probes, real, steady)
