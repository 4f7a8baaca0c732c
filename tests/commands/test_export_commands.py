"""`to_tflite` and `to_saved_model`."""

import json
import pathlib
import subprocess
import sys

import keras
import pytest
from PIL import Image

from dfad_tf import to_saved_model, to_tflite
from dfad_tf.exporting.calibration import noise_pixels
from dfad_tf.utils.errors import InputError
from tests.conftest import small_classifier, small_generator
from tests.helpers.command import run

ROOT = pathlib.Path(__file__).parent.parent.parent


@pytest.fixture
def student(tmp_path):
    small_classifier().save(tmp_path / "net.keras")
    return tmp_path / "net.keras"


def tflite(*arguments):
    run("--input_range=zero_one", *arguments, main=to_tflite.main)


def card_of(folder):
    return json.loads((folder / "card.json").read_text())


def test_the_default_is_the_recommended_file(student, tmp_path, capsys):
    tflite(f"--model={student}")
    place = tmp_path / "net_tflite"
    assert {path.name for path in place.iterdir()} == {
        "student_dynamic_int8.tflite", "card.json", "card.md",
    }  # fmt: skip
    card = card_of(place)
    assert card["labels"] == ["0", "1", "2"] and card["calibration"] is None
    assert "student_dynamic_int8.tflite" in capsys.readouterr().out


@pytest.mark.slow
def test_all_files_calibrated_with_the_generator_in_the_models_folder(student, tmp_path):
    small_generator().save(tmp_path / "generator.keras")
    (tmp_path / "names.txt").write_text("ape\nbee\ncat\n")
    tflite(
        f"--model={student}", "--formats=all", f"--output={tmp_path / 'out'}",
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


@pytest.mark.slow
@pytest.mark.parametrize("source", ["noise", "folder", "other.keras"])
def test_calibration_sources(student, tmp_path, source):
    small_generator().save(tmp_path / "other.keras")
    (tmp_path / "folder").mkdir()
    for index, image in enumerate(noise_pixels((8, 8), 5, 0)):
        Image.fromarray(image).save(tmp_path / "folder" / f"{index}.png")
    given = source if source == "noise" else tmp_path / source
    tflite(
        f"--model={student}", "--formats=int8", f"--calibration={given}",
        "--tolerance=1", f"--output={tmp_path / 'out'}",
    )  # fmt: skip
    words = {
        "noise": "uniform noise",
        "folder": "5 images of the folder folder",
        "other.keras": "generated",
    }
    assert words[source] in card_of(tmp_path / "out")["calibration"]


@pytest.mark.slow
def test_calibration_with_a_data_set(tmp_path):
    small_classifier((32, 32, 1), classes=10).save(tmp_path / "net.keras")
    tflite(
        f"--model={tmp_path / 'net.keras'}", "--formats=int8", "--calibration=dataset",
        "--dataset=digits", f"--output={tmp_path / 'out'}", "--tolerance=1",
    )  # fmt: skip
    card = card_of(tmp_path / "out")
    assert card["calibration"] == "500 training images of digits"
    assert card["dataset"] == "digits" and card["checked_on"]["test"] == 450
    assert card["files"]["student_int8.tflite"]["accuracy"] is not None


def test_a_saved_model(student, tmp_path):
    run(f"--model={student}", "--input_range=zero_one", main=to_saved_model.main)
    place = tmp_path / "net_saved_model"
    assert {path.name for path in place.iterdir()} == {"saved_model", "card.json", "card.md"}
    assert card_of(place)["saved_model"]["agreement"] == {"noise": 1.0}


def two_inputs(path):
    first, second = keras.Input((8, 8, 1)), keras.Input((8, 8, 1))
    flat = keras.layers.Flatten()(keras.layers.Add()([first, second]))
    keras.Model([first, second], keras.layers.Dense(3)(flat)).save(path)


def two_outputs(path):
    inputs = keras.Input((8, 8, 1))
    flat = keras.layers.Flatten()(inputs)
    keras.Model(inputs, [keras.layers.Dense(3)(flat), keras.layers.Dense(2)(flat)]).save(path)


@pytest.mark.parametrize("build", [two_inputs, two_outputs])
def test_several_inputs_or_outputs_are_rejected(tmp_path, build):
    build(tmp_path / "two.keras")
    with pytest.raises(InputError, match="one input and one output. Received: [12] and [12]"):
        tflite(f"--model={tmp_path / 'two.keras'}")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Expected --model"),
        (("--model=absent.keras",), "absent"),
        (("--model=notes.txt",), "absent|.keras or .h5"),
        (("--model={folder}",), "Received the folder"),
        (("--model={net}", "--formats=int9"), "--formats.*int9.*Did you mean 'int8'"),
        (("--model={net}", "--formats=saved_model"), "--formats.*Received: 'saved_model'"),
        (("--model={net}", "--formats=none"), "--formats.*Received: 'none'"),
        (("--model={net}", "--formats=int8"), "Expected generator.keras in the folder of --model"),
        (("--model={net}", "--formats=int8", "--calibration=nowhere"), "Received: 'nowhere'"),
        (("--model={net}", "--formats=int8", "--calibration=dataset"), "Expected --dataset"),
        (
            ("--model={net}", "--formats=int8", "--calibration={wide}"),
            r"--calibration to map .*\(8, 8, 1\).*9, 9, 1",
        ),
        (("--model={net}", "--formats=int8", "--calibration={folder}/no.keras"), "absent"),
        (("--model={net}", "--labels=absent.txt"), "Expected --labels"),
        (("--model={net}", "--labels={labels}"), "Expected --labels to have 3 lines.*Received: 1"),
        (("--model={net}", "--output=student.tflite"), "--output to be a folder"),
        (("--model={net}", "--output={folder}"), "--output to be a new folder, or --overwrite"),
        (("--model={net}", "--output={net}/x"), "parent of --output to be writable"),
        (
            ("--model={net}", "--output={folder}", "--overwrite"),
            "--output to contain an export and nothing else",
        ),
        (("--model={net}", "--dataset=digits"), "3 classes"),
        (("--model={net}", "--calibration=noise"), "Expected int8 in --formats"),
        (("--model={net}", "--formats=saved-model,int8"), "--formats.*'saved-model'"),
        (("--model={net}", "--formats=int8", "--calibration="), "Received: ''"),
        (("--model={net}", "--tolerance=nan"), "--tolerance from 0 to 1. Received: nan"),
    ],
)
def test_a_mistake_is_reported_before_a_file_is_written(student, tmp_path, arguments, message):
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


@pytest.mark.slow
@pytest.mark.parametrize("script", ["to_tflite", "to_saved_model"])
def test_the_scripts_in_the_export_folder(script, student, tmp_path):
    command = [sys.executable, str(ROOT / "export" / f"{script}.py")]
    done = subprocess.run(
        [*command, f"--model={student}", "--input_range=zero_one"],
        cwd=tmp_path, env=None, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert "card.md are in" in done.stdout
    done = subprocess.run(
        [*command, f"--model={student}"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
    assert "--overwrite" in done.stderr


def test_each_line_of_a_label_file_is_a_label(student, tmp_path):
    (tmp_path / "names.txt").write_bytes("\ufeffape\r\n\r\nbee\u2028wasp \r\ncat".encode())
    tflite(f"--model={student}", f"--labels={tmp_path / 'names.txt'}")
    assert card_of(tmp_path / "net_tflite")["labels"] == ["ape", "bee\u2028wasp", "cat"]


@pytest.mark.slow
def test_an_unusable_generator_is_skipped_unless_it_is_required(student, tmp_path, capsys):
    (tmp_path / "generator.keras").write_bytes(b"damaged")
    tflite(f"--model={student}")
    small_classifier((8, 8, 1)).save(tmp_path / "generator.keras")
    tflite(f"--model={student}", "--overwrite")
    assert capsys.readouterr().out.count("does not generate images for this model") == 2
    assert set(card_of(tmp_path / "net_tflite")["checked_on"]) == {"noise"}
    with pytest.raises(InputError, match="Expected --calibration to map"):
        tflite(f"--model={student}", "--overwrite", "--formats=int8")


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


@pytest.mark.slow
@pytest.mark.parametrize("labels", [[0, 1, 2], 5, "abc", ["a", None, "c"], {"a": 1}, None])
def test_a_damaged_record_of_labels(tmp_path, labels):
    small_classifier().save(tmp_path / "student.keras")
    (tmp_path / "result.json").write_text(json.dumps({"labels": labels}))
    run(f"--model={tmp_path / 'student.keras'}", main=to_saved_model.main)
    assert card_of(tmp_path / "student_saved_model")["labels"] == ["0", "1", "2"]
