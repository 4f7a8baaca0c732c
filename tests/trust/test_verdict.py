"""The verdict on a student follows from real images, or from the expected agreement."""

import dataclasses

import pytest

from dfad_tf.trust.estimate import AgreementEstimate, estimate_agreement, log_odds, share
from dfad_tf.trust.evidence import ProbeEvidence
from dfad_tf.trust.probe_folder import RealAgreement, binomial_interval
from dfad_tf.trust.probe_sets import BLENDED, CORRUPTED, DRAWN, GENERATED, MATCHED
from dfad_tf.trust.verdict import verdict

GOOD = ProbeEvidence(256, 10, 1.0, 0.95, 0.97, 0.97, 0.05, 0.01, 0.02, (0.02,))


def probes(agreement=0.97, **generated):
    found = dataclasses.replace(GOOD, agreement=agreement, balanced_agreement=agreement)
    sets = dict.fromkeys((GENERATED, DRAWN, MATCHED, BLENDED, CORRUPTED), found)
    return {**sets, GENERATED: dataclasses.replace(found, **generated)}


def real(same, images):
    return RealAgreement(images, same, *binomial_interval(same, images))


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0.85, 0.99, "trustworthy"), (0.6, 0.95, "doubtful"), (0.2, 0.7, "do not use")],
)
def test_the_interval_decides(low, high, expected):
    estimate = AgreementEstimate((low + high) / 2, low, high)
    found, reasons = verdict(probes(), estimate, None)
    assert found == expected
    assert f"{100 * low:.0f} to {100 * high:.0f} %" in reasons[0]


def test_real_images_decide_before_the_estimate():
    estimate = AgreementEstimate(0.5, 0.4, 0.6)
    found, reasons = verdict(probes(), estimate, real(198, 200))
    assert found == "trustworthy"
    assert "200 real images" in reasons[0] and "198: 99 %" in reasons[0]
    assert verdict(probes(), AgreementEstimate(0.97, 0.95, 0.99), real(80, 200))[0] == "do not use"
    assert verdict(probes(), None, real(10, 10))[0] == "doubtful"  # ten images say little
    # They confirm an estimate, or contradict it.
    good = AgreementEstimate(0.97, 0.95, 0.99)
    assert verdict(probes(), good, real(10, 10))[0] == "trustworthy"
    assert verdict(probes(), good, real(7, 10))[0] == "doubtful"
    assert verdict(probes(), estimate, real(6, 10))[0] == "do not use"
    assert verdict(probes(), estimate, real(10, 10))[0] == "doubtful"


def test_images_of_few_classes_and_far_from_the_data_are_reasons():
    few = probes(class_entropy=0.7, classes_reached=6, distance=0.29)
    reasons = verdict(few, AgreementEstimate(0.97, 0.95, 0.99), None)[1]
    assert any("6 of the teacher's classes" in reason for reason in reasons)
    assert any("0.29 nats" in reason for reason in reasons)


def test_probes_that_miss_classes_carry_no_estimate():
    missing = probes()
    missing[MATCHED] = dataclasses.replace(GOOD, class_entropy=0.6, classes_reached=4)
    assert estimate_agreement(missing) is None
    found, reasons = verdict(missing, None, None)
    assert found == "doubtful" and "4 of the teacher's classes" in reasons[0]


def test_the_estimate_rises_with_the_agreement_on_the_probes():
    found = [estimate_agreement(probes(agreement)) for agreement in (0.1, 0.5, 0.9, 1.0)]
    expected = [each.expected for each in found]
    assert expected == sorted(expected) and expected[0] < 0.6 < 0.9 < expected[-1]
    for each in found:
        assert 0 <= each.low < each.expected < each.high <= 1
    assert share(log_odds(0.3)) == pytest.approx(0.3)


def test_fewer_images_widen_the_interval():
    def of(images):
        sets = {name: dataclasses.replace(each, images=images) for name, each in probes().items()}
        return estimate_agreement(sets)

    assert of(48).low < of(256).low and of(48).expected == of(256).expected
    assert of(2000) == of(256)
