"""`evaluate`: the accuracy of Keras models and of exported files."""

import json

import pytest

from dfad_tf import evaluate, to_tflite
from dfad_tf.utils.errors import InputError
from tests.conftest import small_classifier
from tests.helpers.command import run

PIXELS = "--input_range=zero_one"  # which random weights need not determine


def run_evaluate(model, *arguments):
    run(f"--model={model}", "--dataset=digits", *arguments, main=evaluate.main)


@pytest.fixture
def student(tmp_path):
    """A model file with the name that a run gives to its student."""
    small_classifier((32, 32, 1), classes=10).save(tmp_path / "student.keras")
    return tmp_path / "student.keras"


def record(student, **content):
    """Write the record of a run beside its student."""
    student.with_name("result.json").write_text(json.dumps(content))


def test_a_note_names_the_data_set_of_the_run_if_it_differs(student, capsys):
    record(student, dataset="mnist")
    run_evaluate(student, PIXELS)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{student} on 450 real test images of digits"
    note = (
        "  note           this model comes from a run on mnist; the accuracy is on another data set"
    )
    assert lines[1] == note


@pytest.mark.parametrize("content", [{"dataset": "digits"}, {"dataset": None}, None])
def test_there_is_no_note_for_the_data_set_of_the_run_or_without_one(student, capsys, content):
    if content is not None:
        record(student, **content)
    run_evaluate(student, PIXELS)
    output = capsys.readouterr().out
    assert "  note " not in output and "  accuracy       " in output


def test_the_result_as_json_names_both_data_sets(student, capsys):
    record(student, dataset="mnist")
    run_evaluate(student, PIXELS, "--json=-")
    found = json.loads(capsys.readouterr().out)
    assert (found["dataset"], found["made_for"], found["test_images"]) == ("digits", "mnist", 450)
    assert 0 <= found["accuracy"] <= 1


def test_an_exported_file_names_the_data_set_of_its_run(student, capsys):
    record(student, dataset="mnist")
    run(f"--model={student}", "--input_range=zero_one", main=to_tflite.main)
    exported = student.with_name("student_tflite") / "student_dynamic_int8.tflite"
    capsys.readouterr()
    run_evaluate(exported)
    assert "comes from a run on mnist" in capsys.readouterr().out


@pytest.mark.slow
def test_unsuitable_files_are_rejected(tmp_path):
    (tmp_path / "truncated.tflite").write_bytes(b"1234TFL3")
    small_classifier().save(tmp_path / "net.keras")
    model = tmp_path / "net.keras"
    run(f"--model={model}", "--input_range=zero_one", main=to_tflite.main)
    exported = tmp_path / "net_tflite" / "student_dynamic_int8.tflite"
    for path, message in (
        (tmp_path / "absent.tflite", "--model.*absent.tflite .No such file"),
        (tmp_path / "truncated.tflite", "--model: .*LiteRT cannot run"),
        (exported, "with the model's 3 classes. Received: digits with 10"),
    ):
        with pytest.raises(InputError, match=message):
            run_evaluate(path)
    with pytest.raises(InputError, match="no --input_range with an exported file"):
        run_evaluate(exported, "--input_range=pixels")
