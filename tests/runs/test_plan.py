"""The plan that a run prints before it trains."""

import dataclasses

from dfad_tf.data.pixel_contract import PixelContract
from dfad_tf.runs.plan import Plan
from dfad_tf.runs.records import Teacher
from dfad_tf.teachers.description import TeacherDescription
from tests.conftest import small_classifier


def plan(**more):
    model = small_classifier()
    contract = PixelContract("zero_one", source="declared")
    description = TeacherDescription((8, 8, 1), 3, "logits", contract, "hidden")
    teacher = Teacher(model, description, "mine.keras", False)
    return Plan("distill", teacher, {"teacher": model}, "random weights", "float32", **more)


def rows(text):
    """The rows of a plan by name; columns are 18 characters wide."""
    return {line[2:18].strip(): line[19:] for line in text.splitlines() if line.startswith("  ")}


def test_it_describes_the_teacher_and_the_networks():
    text = plan(work={"images": "100 to generate"}).text()
    assert text.startswith("\nPlan: distill\n")
    found = rows(text)
    assert found["teacher from"] == "mine.keras"
    assert found["teacher input"] == "8×8×1, zero_one (declared)"
    assert found["teacher output"] == "3 classes, logits; features for R_m: hidden"
    # 3×3 filters at 6×6 places, a dense layer of 144 to 8, and one of 8 to 3.
    assert found["teacher"].endswith(": 1,227 parameters, 2.5 k multiply-adds per image")
    assert found["student starts"] == "from random weights"
    assert found["images"] == "100 to generate" and found["dtype policy"] == "float32"


def test_it_names_the_first_classes():
    few = plan()
    few.teacher = dataclasses.replace(few.teacher, labels=("cat", "dog", "cow"))
    assert rows(few.text())["teacher output"].startswith("3 classes (cat, dog, cow), logits;")
    few.teacher = dataclasses.replace(few.teacher, labels=tuple("abcdef"))
    assert "3 classes (a, b, c, d, and 2 more), logits" in few.text()


def test_one_part_has_one_time_and_no_total():
    text = plan(seconds={"distillation": 65.0}).text()
    assert rows(text)["time"] == "about 1 min 5 s"
    assert not any(word in text for word in ("memory", "total", "disk", "device"))


def test_several_parts_are_added():
    seconds = {"teacher training": 100.0, "distillation": 65.0}
    parts = plan(seconds=seconds, device="CPU", disk=10**6, memory=3 * 10**9)
    found = rows(parts.text())
    of_which = "1 min 40 s of teacher training, 1 min 5 s of distillation"
    assert found["time"] == f"about 2 min 45 s: {of_which}" and parts.total_seconds == 165.0
    assert (found["device"], found["disk"]) == ("CPU", "about 1.0 MB")
    assert found["memory"] == "about 3.0 GB"
