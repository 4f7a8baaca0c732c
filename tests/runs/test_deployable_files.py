"""The deployable files of a run, and what other commands read in its folder."""

import json

import keras
import numpy as np
import pytest

from dfad_tf import evaluate, to_tflite
from dfad_tf.exporting import student_export
from dfad_tf.exporting.calibration import noise_pixels
from dfad_tf.exporting.lite_model import LiteModel
from dfad_tf.utils.errors import InputError
from tests.commands.test_export_commands import card_of
from tests.conftest import small_classifier
from tests.exporting.test_export_student import NotBuiltIn
from tests.helpers.command import run


@pytest.mark.slow
def test_a_run_records_preprocessing_that_no_layer_contains(tmp_path, capsys):
    """The layers of a student of standardized pixels do not indicate its preprocessing."""
    shape, teacher = (32, 32, 1), tmp_path / "teacher_file.keras"
    small_classifier(shape, classes=10).save(teacher)
    run(
        f"--teacher={teacher}", "--dataset=digits", "--input_range=standardized",
        "--input_mean=40", "--input_std=70", "--epochs=1", "--steps_per_epoch=2",
        "--batch_size=8", "--procedural_size=64", "--verbose=0", f"--workdir={tmp_path / 'run'}",
        "--export=float32,int8", "--generator=compact_32",
    )  # fmt: skip
    files = json.loads((tmp_path / "run" / "result.json").read_text())
    exports = files["exports"]
    card = card_of(tmp_path / "run" / "export")
    assert set(exports["files"]) == {"student_float32.tflite", "student_int8.tflite"}
    assert exports["left_out"] == {} and exports["saved_model"] is None
    assert card["files"]["student_float32.tflite"]["accuracy"] == files["student_accuracy"]
    assert card["labels"] == list("0123456789") and "generated" in card["calibration"]
    assert str(tmp_path) not in json.dumps(card)  # personal folder names are not published
    saved = tmp_path / "run" / "student.keras"
    tflite_file = (tmp_path / "run" / "export" / "student_float32.tflite").read_bytes()
    pixels = noise_pixels(shape, 3, 0)
    expected = keras.models.load_model(saved)((pixels.astype(np.float32) - 40) / 70)
    received = LiteModel(tflite_file, "x").predict(pixels)
    np.testing.assert_allclose(received, expected, atol=1e-3)
    run(f"--model={saved}", "--formats=float32", main=to_tflite.main)
    place = tmp_path / "run" / "student_tflite"
    again = place / "student_float32.tflite"
    assert card_of(place)["provenance"] == {"from": "student.keras", **card["provenance"]}
    assert card["provenance"]["teacher"] == "teacher_file.keras"
    assert card["provenance"]["data set"] == "digits"
    np.testing.assert_array_equal(LiteModel(again.read_bytes(), "x").predict(pixels), received)
    capsys.readouterr()
    run(f"--model={saved}", "--dataset=digits", "--json=-", main=evaluate.main)
    measured = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert measured["accuracy"] == files["student_accuracy"]
    exported = tmp_path / "run" / "export" / "student_int8.tflite"
    run(f"--model={exported}", "--dataset=digits", "--json=-", main=evaluate.main)
    measured = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert measured["accuracy"] == card["files"]["student_int8.tflite"]["accuracy"]
    assert measured["test_images"] == 450
    run(f"--model={exported}", "--dataset=digits", main=evaluate.main)
    assert "pixels (as in every exported file)" in capsys.readouterr().out


@pytest.mark.slow
def test_a_user_supplied_student_is_checked_before_training(tmp_path):
    inputs = keras.Input((32, 32, 1))
    hidden = NotBuiltIn()(keras.layers.Flatten()(inputs))
    keras.Model(inputs, keras.layers.Dense(10)(hidden)).save(tmp_path / "odd.keras")
    small_classifier((32, 32, 1), classes=10).save(tmp_path / "teacher.keras")
    arguments = (
        f"--teacher={tmp_path / 'teacher.keras'}", f"--student={tmp_path / 'odd.keras'}",
        f"--workdir={tmp_path / 'run'}", "--epochs=1", "--steps_per_epoch=1", "--batch_size=8",
        "--procedural_size=64", "--verbose=0", "--generator=compact_32", "--input_range=zero_one",
    )  # fmt: skip
    with pytest.raises(InputError, match="Digamma"):
        run(*arguments, "--export=float16")
    assert not (tmp_path / "run").exists()
    run(*arguments, "--export=none")
    assert not (tmp_path / "run" / "export").exists()


def test_an_unknown_format_is_rejected_before_a_teacher_is_trained(tmp_path):
    with pytest.raises(InputError, match="--export.*tflight"):
        run("--export=tflight", f"--teacher_cache={tmp_path}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_only_a_file_that_differs_from_the_student_is_left_out(tmp_path, monkeypatch, capsys):
    def refuse(found, name, bounds, tolerance=None):
        if name == "student_int8.tflite":
            raise InputError("Expected better")

    monkeypatch.setattr(student_export, "check_agreement", refuse)
    small_classifier((32, 32, 1), classes=10).save(tmp_path / "teacher.keras")
    with pytest.raises(InputError, match="student_int8.tflite was left out.*Expected better"):
        run(
            f"--teacher={tmp_path / 'teacher.keras'}", "--epochs=1", "--steps_per_epoch=1",
            "--batch_size=8", "--procedural_size=64", "--verbose=0", "--generator=compact_32",
            "--student=lenet5_half", "--input_range=zero_one", f"--workdir={tmp_path / 'run'}",
            "--export=float32,int8",
        )  # fmt: skip
    assert {path.name for path in (tmp_path / "run" / "export").iterdir()} == {
        "student_float32.tflite", "card.json", "card.md",
    }  # fmt: skip
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert result["exports"]["left_out"] == {"student_int8.tflite": "Expected better"}
    assert "Result" in capsys.readouterr().out
