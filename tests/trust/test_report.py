"""The trust report compares a student with its teacher, without data."""

import json

import keras
import numpy as np

from dfad_tf.data.pixel_contract import PixelContract
from dfad_tf.runs.trust_plot import draw_trust
from dfad_tf.teachers.saved_model_teacher import load_saved_model
from dfad_tf.trust.report import trust_report
from dfad_tf.trust.report_text import trust_lines
from dfad_tf.trust.stability import SecondStudent
from tests.conftest import small_classifier, small_generator

CONTRACT = PixelContract("zero_one")


def test_a_copy_of_the_teacher_is_better_than_other_weights(tmp_path):
    teacher, other = small_classifier(batch_norm=True), small_classifier()
    pixels = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1), dtype=np.uint8)
    before = teacher.get_weights()
    generator = small_generator()
    copy = trust_report(teacher, teacher, CONTRACT, generator, pixels)
    random = trust_report(teacher, other, CONTRACT, generator, pixels)
    for a, b in zip(before, teacher.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert copy.real.same == 20 and random.real.same < 20
    for name, probe in copy.probes.items():
        assert probe.agreement == 1.0
        assert random.probes[name].balanced_agreement < 0.9
        assert probe.distance == random.probes[name].distance > 0
    record = json.loads(json.dumps(copy.as_record()))
    assert record["real"]["agreement"] == 1.0
    text = "\n".join(trust_lines(record))
    assert copy.verdict in text and "generated" in text and "100.0 %" in text
    draw_trust(random, tmp_path / "trust.png", "small")
    assert (tmp_path / "trust.png").stat().st_size > 10_000


def test_the_report_needs_neither_generator_nor_batch_normalization():
    teacher = keras.models.clone_model(small_classifier((10, 12, 3)))
    report = trust_report(teacher, teacher, CONTRACT)
    assert "generated" not in report.probes and report.real is None
    assert all(probe.distance is None for probe in report.probes.values())
    assert trust_lines(None) == []


def test_a_graph_of_operations_is_a_teacher_whose_statistics_cannot_be_read(tmp_path):
    model = small_classifier((12, 12, 3), batch_norm=True)
    model.export(tmp_path / "teacher", verbose=False)
    teacher = load_saved_model(str(tmp_path / "teacher"))
    report = trust_report(teacher, model, CONTRACT)
    assert report.probes["matched"].agreement == 1.0
    assert report.probes["matched"].distance is None


def test_a_second_student_is_compared_and_decides_nothing(tmp_path):
    teacher, student = (small_classifier(batch_norm=True) for _ in range(2))
    other = keras.Model(student.inputs[0], keras.ops.roll(student.outputs[0], 1, axis=-1))
    images = np.random.default_rng(0).uniform(0, 1, (30, 8, 8, 1)).astype("float32")
    alone = trust_report(teacher, student, CONTRACT)
    same = trust_report(teacher, student, CONTRACT, second=SecondStudent(student, images))
    report = trust_report(teacher, student, CONTRACT, second=SecondStudent(other, images))
    assert same.stability.same == {"drawn": 1.0, "matched": 1.0}
    assert same.stability.second == {
        name: same.probes[name].agreement for name in ("drawn", "matched")
    }
    # The other answers the next class, but where all logits are 0.
    assert max(report.stability.same.values()) < 0.2
    assert report.probes["second"].images == 30
    wanted, found = (
        network.predict(images, verbose=0).argmax(-1) for network in (teacher, student)
    )
    assert report.probes["second"].agreement == np.mean(wanted == found)
    assert (report.verdict, report.estimate) == (alone.verdict, alone.estimate)
    share = f"{100 * report.stability.same['drawn']:.0f} % of the drawn"
    assert any(share in reason for reason in report.reasons)
    draw_trust(report, tmp_path / "trust.png", "small")
