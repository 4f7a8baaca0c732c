"""The commands that export, and the export of a run."""

import json
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
from PIL import Image

from dfad_tf import evaluate, to_saved_model, to_tflite
from dfad_tf.errors import InputError
from dfad_tf.exporting.calibration import noise_pixels
from dfad_tf.exporting.lite_model import LiteModel
from tests.command import run
from tests.conftest import small_classifier, small_generator
from tests.test_exporting import NotBuiltIn

ROOT = pathlib.Path(__file__).parent.parent


@pytest.fixture
def student(tmp_path):
    small_classifier().save(tmp_path / "net.keras")
    return tmp_path / "net.keras"


def tflite(*arguments):
    run("--input_range=zero_one", *arguments, main=to_tflite.main)


def card_of(folder):
    return json.loads((folder / "card.json").read_text())


def test_one_recommended_file_by_default(student, tmp_path, capsys):
    tflite(f"--model={student}")
    place = tmp_path / "net_tflite"
    assert {path.name for path in place.iterdir()} == {
        "student_dynamic_int8.tflite", "card.json", "card.md",
    }  # fmt: skip
    card = card_of(place)
    assert card["labels"] == ["0", "1", "2"] and card["calibration"] is None
    assert "student_dynamic_int8.tflite" in capsys.readouterr().out


def test_all_files_calibrated_by_the_generator_beside(student, tmp_path):
    small_generator().save(tmp_path / "generator.keras")
    (tmp_path / "names.txt").write_text("ape\nbee\ncat\n")
    tflite(
        f"--model={student}", "--precision=all", f"--output={tmp_path / 'out'}",
        f"--labels={tmp_path / 'names.txt'}", "--calibration_images=20", "--serving_batch_size=2",
    )  # fmt: skip
    card = card_of(tmp_path / "out")
    assert len(card["files"]) == 4 and card["calibration"].startswith("20 generated images")
    assert (
        card["labels"] == ["ape", "bee", "cat"]
        and card["input"]["shape"] == [8, 8, 1]
        and card["batch_size"] == 2
    )
    assert set(card["checked_on"]) == {"noise", "generated"}


@pytest.mark.parametrize("source", ["noise", "folder", "other.keras"])
def test_other_calibrations(student, tmp_path, source):
    small_generator().save(tmp_path / "other.keras")
    (tmp_path / "folder").mkdir()
    for index, image in enumerate(noise_pixels((8, 8), 5, 0)):
        Image.fromarray(image).save(tmp_path / "folder" / f"{index}.png")
    given = source if source == "noise" else tmp_path / source
    tflite(
        f"--model={student}", "--precision=int8", f"--calibration={given}",
        "--tolerance=1", f"--output={tmp_path / 'out'}",
    )  # fmt: skip
    words = {"noise": "uniform noise", "folder": "5 pictures of folder", "other.keras": "generated"}
    assert words[source] in card_of(tmp_path / "out")["calibration"]


def test_calibration_by_a_data_set(tmp_path):
    small_classifier((32, 32, 1), classes=10).save(tmp_path / "net.keras")
    tflite(
        f"--model={tmp_path / 'net.keras'}", "--precision=int8", "--calibration=dataset",
        "--dataset=digits", f"--output={tmp_path / 'out'}", "--tolerance=1",
    )  # fmt: skip
    card = card_of(tmp_path / "out")
    assert card["calibration"] == "500 training images of digits"
    assert card["dataset"] == "digits" and card["checked_on"]["test"] == 450
    assert card["files"]["student_int8.tflite"]["accuracy"] is not None


def test_a_saved_model(student, tmp_path):
    run(f"--model={student}", main=to_saved_model.main)
    place = tmp_path / "net_saved_model"
    assert {path.name for path in place.iterdir()} == {"saved_model", "card.json", "card.md"}


def two_inputs(path):
    first, second = keras.Input((8, 8, 1)), keras.Input((8, 8, 1))
    flat = keras.layers.Flatten()(keras.layers.Add()([first, second]))
    keras.Model([first, second], keras.layers.Dense(3)(flat)).save(path)


def two_outputs(path):
    inputs = keras.Input((8, 8, 1))
    flat = keras.layers.Flatten()(inputs)
    keras.Model(inputs, [keras.layers.Dense(3)(flat), keras.layers.Dense(2)(flat)]).save(path)


@pytest.mark.parametrize("build", [two_inputs, two_outputs])
def test_more_than_one_input_or_output(tmp_path, build):
    build(tmp_path / "two.keras")
    with pytest.raises(InputError, match="one input and one output. Received: [12] and [12]"):
        tflite(f"--model={tmp_path / 'two.keras'}")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Expected --model"),
        (("--model=absent.keras",), "absent"),
        (("--model=notes.txt",), "absent|.keras or .h5"),
        (("--model={folder}",), "Received the folder"),
        (("--model={net}", "--precision=int9"), "int9.*Did you mean 'int8'"),
        (("--model={net}", "--precision=saved_model"), "--precision.*Received: 'saved_model'"),
        (("--model={net}", "--precision=none"), "--precision.*Received: 'none'"),
        (("--model={net}", "--precision=int8"), "Expected generator.keras beside --model"),
        (("--model={net}", "--precision=int8", "--calibration=nowhere"), "Received: 'nowhere'"),
        (("--model={net}", "--precision=int8", "--calibration=dataset"), "Expected --dataset"),
        (("--model={net}", "--precision=int8", "--calibration={wide}"), r"\(8, 8, 1\).*9, 9, 1"),
        (("--model={net}", "--precision=int8", "--calibration={folder}/no.keras"), "absent"),
        (("--model={net}", "--labels=absent.txt"), "Expected --labels"),
        (("--model={net}", "--labels={labels}"), "Expected 3 lines in --labels.*Received: 1"),
        (("--model={net}", "--output=student.tflite"), "--output to be a folder"),
        (("--model={net}", "--output={folder}"), "--overwrite"),
        (("--model={net}", "--output={net}/x"), "to be writable"),
        (("--model={net}", "--output={folder}", "--overwrite"), "an export and nothing else"),
        (("--model={net}", "--dataset=digits"), "3 classes"),
        (("--model={net}", "--calibration=noise"), "Expected int8 in --precision"),
        (("--model={net}", "--precision=saved-model,int8"), "--precision.*'saved-model'"),
        (("--model={net}", "--precision=int8", "--calibration="), "Received: ''"),
        (("--model={net}", "--tolerance=nan"), "--tolerance from 0 to 1. Received: nan"),
    ],
)
def test_mistakes(student, tmp_path, arguments, message):
    (tmp_path / "labels.txt").write_text("one\n")
    small_generator((9, 9, 1)).save(tmp_path / "wide.keras")
    places = {
        "net": student,
        "folder": tmp_path,
        "labels": tmp_path / "labels.txt",
        "wide": tmp_path / "wide.keras",
    }
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError, match=message):
        tflite(*(argument.format(**places) for argument in arguments))
    assert sorted(tmp_path.rglob("*")) == before


def test_a_run_records_pixels_that_no_layer_tells(tmp_path, capsys):
    """A student of standardized pixels holds no preprocessing to read them from."""
    shape, teacher = (32, 32, 1), tmp_path / "teacher_file.keras"
    small_classifier(shape, classes=10).save(teacher)
    run(
        f"--teacher={teacher}", "--dataset=digits", "--input_range=standardized",
        "--input_mean=40", "--input_std=70", "--epochs=1", "--steps_per_epoch=2",
        "--batch_size=8", "--verbose=0", f"--workdir={tmp_path / 'run'}",
        "--export=float32,int8", "--generator=compact_32",
    )  # fmt: skip
    files = json.loads((tmp_path / "run" / "result.json").read_text())
    exports = files["exports"]
    card = card_of(tmp_path / "run" / "export")
    assert set(exports["files"]) == {"student_float32.tflite", "student_int8.tflite"}
    assert exports["left_out"] == {} and exports["saved_model"] is None
    assert card["files"]["student_float32.tflite"]["accuracy"] == files["student_accuracy"]
    assert card["labels"] == list("0123456789") and "generated" in card["calibration"]
    assert str(tmp_path) not in json.dumps(card)  # nobody's folders go onto a phone
    saved = tmp_path / "run" / "student.keras"
    tflite_file = (tmp_path / "run" / "export" / "student_float32.tflite").read_bytes()
    pixels = noise_pixels(shape, 3, 0)
    expected = keras.models.load_model(saved)((pixels.astype(np.float32) - 40) / 70)
    received = LiteModel(tflite_file, "x").predict(pixels)
    np.testing.assert_allclose(received, expected, atol=1e-3)
    run(f"--model={saved}", "--precision=float32", main=to_tflite.main)
    place = tmp_path / "run" / "student_tflite"
    again = place / "student_float32.tflite"
    assert card_of(place)["provenance"] == {"from": "student.keras", **card["provenance"]}
    assert card["provenance"]["teacher"] == "teacher_file.keras"
    assert card["provenance"]["data set"] == "digits"
    np.testing.assert_array_equal(LiteModel(again.read_bytes(), "x").predict(pixels), received)
    capsys.readouterr()
    run(f"--model={saved}", "--dataset=digits", "--json", main=evaluate.main)
    measured = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert measured["accuracy"] == files["student_accuracy"]


def test_a_brought_student_that_cannot_be_exported_is_told_before_training(tmp_path):
    inputs = keras.Input((32, 32, 1))
    hidden = NotBuiltIn()(keras.layers.Flatten()(inputs))
    keras.Model(inputs, keras.layers.Dense(10)(hidden)).save(tmp_path / "odd.keras")
    small_classifier((32, 32, 1), classes=10).save(tmp_path / "teacher.keras")
    arguments = (
        f"--teacher={tmp_path / 'teacher.keras'}", f"--student={tmp_path / 'odd.keras'}",
        f"--workdir={tmp_path / 'run'}", "--epochs=1", "--steps_per_epoch=1", "--batch_size=8",
        "--verbose=0", "--generator=compact_32", "--input_range=zero_one",
    )  # fmt: skip
    with pytest.raises(InputError, match="Digamma"):
        run(*arguments, "--export=float16")
    assert not (tmp_path / "run").exists()
    run(*arguments, "--export=none")
    assert not (tmp_path / "run" / "export").exists()


def test_a_wrong_export_is_told_before_a_teacher_is_trained(tmp_path):
    with pytest.raises(InputError, match="--export.*tflight"):
        run("--export=tflight", f"--teacher_cache={tmp_path}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("script", ["to_tflite", "to_saved_model"])
def test_the_scripts_of_the_checkout(script, student, tmp_path):
    command = [sys.executable, str(ROOT / "export" / f"{script}.py")]
    done = subprocess.run(
        [*command, f"--model={student}", "--input_range=zero_one"],
        cwd=tmp_path, env=None, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert "card.md lie in" in done.stdout
    done = subprocess.run(
        [*command, f"--model={student}"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
    assert "--overwrite" in done.stderr


def test_labels_of_a_file_are_its_lines(student, tmp_path):
    (tmp_path / "names.txt").write_bytes("\ufeffape\r\n\r\nbee\u2028wasp \r\ncat".encode())
    tflite(f"--model={student}", f"--labels={tmp_path / 'names.txt'}")
    assert card_of(tmp_path / "net_tflite")["labels"] == ["ape", "bee\u2028wasp", "cat"]


def test_a_generator_that_nobody_asked_for_stands_in_no_ones_way(student, tmp_path, capsys):
    (tmp_path / "generator.keras").write_bytes(b"damaged")
    tflite(f"--model={student}")
    small_classifier((8, 8, 1)).save(tmp_path / "generator.keras")
    tflite(f"--model={student}", "--overwrite")
    assert capsys.readouterr().out.count("draws no images for this model") == 2
    assert set(card_of(tmp_path / "net_tflite")["checked_on"]) == {"noise"}
    with pytest.raises(InputError, match="Expected a generator from"):
        tflite(f"--model={student}", "--overwrite", "--precision=int8")


@pytest.mark.parametrize(
    "pixels",
    [
        "zero_one",
        1024,
        {"range": "pixels"},
        {"range": "foo", "mean": [0], "std": [1]},
        {"range": "zero_one", "mean": [0, 0, 0], "std": [1, 1, 1]},
    ],
)
def test_a_damaged_record_of_pixels(tmp_path, pixels):
    small_classifier().save(tmp_path / "student.keras")
    (tmp_path / "result.json").write_text(json.dumps({"pixels": pixels}))
    with pytest.raises(InputError, match="`pixels` in the result.json"):
        run(f"--model={tmp_path / 'student.keras'}", main=to_tflite.main)


@pytest.mark.parametrize("labels", [[0, 1, 2], 5, "abc", ["a", None, "c"], {"a": 1}, None])
def test_labels_that_are_none(tmp_path, labels):
    small_classifier().save(tmp_path / "student.keras")
    (tmp_path / "result.json").write_text(json.dumps({"labels": labels}))
    run(f"--model={tmp_path / 'student.keras'}", main=to_saved_model.main)
    assert card_of(tmp_path / "student_saved_model")["labels"] == ["0", "1", "2"]


def test_a_run_keeps_all_but_the_file_that_disagrees(tmp_path, monkeypatch, capsys):
    from dfad_tf.exporting import export

    def refuse(found, file, most_changed=None):
        if file.precision == "int8":
            raise InputError("Expected better")

    monkeypatch.setattr(export, "check_agreement", refuse)
    small_classifier((32, 32, 1), classes=10).save(tmp_path / "teacher.keras")
    with pytest.raises(InputError, match="student_int8.tflite was left out.*Expected better"):
        run(
            f"--teacher={tmp_path / 'teacher.keras'}", "--epochs=1", "--steps_per_epoch=1",
            "--batch_size=8", "--verbose=0", "--generator=compact_32", "--student=lenet5_half",
            "--input_range=zero_one", f"--workdir={tmp_path / 'run'}", "--export=float32,int8",
        )  # fmt: skip
    assert {path.name for path in (tmp_path / "run" / "export").iterdir()} == {
        "student_float32.tflite", "card.json", "card.md",
    }  # fmt: skip
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert result["exports"]["left_out"] == {"student_int8.tflite": "Expected better"}
    assert "Result" in capsys.readouterr().out
