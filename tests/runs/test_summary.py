"""The summary that a run prints at its end."""

import pytest

from dfad_tf.runs import summary

RESULT = {
    "dataset": "digits",
    "test_images": 450,
    "teacher_accuracy": 0.975,
    "student_accuracy": 0.96,
    "agreement": 0.98,
    "generated_agreement": 0.9,
    "val_agreement": 0.91,
    "teacher_parameters": 61_706,
    "student_parameters": 15_738,
    "teacher_macs": 416_520,
    "student_macs": 133_740,
    "images_generated": 1_000,
    "real_images": 0,
    "distillation_seconds": 20.0,
    "total_seconds": 65.0,
    "backups": 2,
    "backup_seconds": 1.0,
    "resumed": 0,
    "restored": [],
}


def text(**changes):
    return summary.summary({**RESULT, **changes}, "runs/one", {"student.keras": "the student"})


def test_a_run_without_data():
    assert text().splitlines() == [
        "",
        "Result (on 450 real test images of digits)",
        "  teacher accuracy  97.50 %",
        "  student accuracy  96.00 %   (after the last epoch)",
        "  agreement         98.00 % of the test images",
        "                    90.00 % of newly generated images",
        "                    91.00 % of held-out generated images (val_agreement)",
        "  parameters        61,706 → 15,738   (3.9 times fewer)",
        "  multiply-adds     416.5 k → 133.7 k per image   (3.1 times fewer)",
        "  images generated  1,000   (real images used: none)",
        "  time              20 s of distillation, 1 min 5 s in total",
        "  backups           2, which took 5.0 % of the time",
        "",
        "Saved in runs/one",
        "  student.keras        the student",
    ]


def test_a_run_with_data():
    lines = text(real_images=1347, generated_agreement=None, val_agreement=None)
    assert "real images used  1,347, with their labels" in lines
    assert "generated" not in lines


def test_without_a_data_set_nothing_is_measured():
    lines = text(dataset=None, teacher_accuracy=None, student_accuracy=None, agreement=None)
    assert "Result (no data set was named, so accuracy is not measured)" in lines
    assert lines.count("not measured") == 4 and "None" not in lines


def test_interruptions_and_restores_are_counted():
    lines = text(resumed=3, restored=["epoch 2", "epoch 5"])
    assert "resumed           3 times after an interruption" in lines
    assert "restored          2 times after a collapse" in lines
    assert "resumed           once after an interruption" in text(resumed=1)


@pytest.mark.parametrize(
    ("teacher", "student", "words"),
    [
        (392, 100, "3.9 times fewer"),
        (100, 744, "7.4 times more"),
        (0, 100, "not comparable"),  # the weights of a frozen graph are constants
    ],
)
def test_sizes_are_compared(teacher, student, words):
    assert f"({words})" in text(teacher_parameters=teacher, student_parameters=student)
