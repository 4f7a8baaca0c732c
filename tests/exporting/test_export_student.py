"""An export as a whole: checked, carded, and there or not there."""

import json
import os
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from dfad_tf import exporting
from dfad_tf.data.pixel_contract import PixelContract
from dfad_tf.exporting import agreement, export, lite_converter
from dfad_tf.exporting.calibration import noise_pixels
from dfad_tf.exporting.files import LITE_FILES
from dfad_tf.exporting.lite_model import LiteModel
from dfad_tf.utils import files
from dfad_tf.utils.errors import InputError
from tests.conftest import small_classifier, small_generator
from tests.exporting.test_lite_files import folding_classifier, with_activation

ZERO_ONE = PixelContract("zero_one")


@keras.saving.register_keras_serializable("tests")
class NotBuiltIn(keras.layers.Layer):
    def call(self, inputs):
        return tf.math.digamma(tf.abs(inputs) + 1)


def test_what_litert_has_not_built_in_is_named(tmp_path):
    student = keras.Sequential([small_classifier(), NotBuiltIn()])
    with pytest.raises(InputError, match="built in.*Digamma"):
        exporting.check_convertible(student, ZERO_ONE)
    with pytest.raises(InputError, match="Digamma"):
        exporting.export_student(student, str(tmp_path / "out"), ZERO_ONE, "abc", ["float32"])
    assert list(tmp_path.iterdir()) == []


def exported(tmp_path, **changes):
    student, generator = small_classifier(), small_generator()
    settings = {
        "labels": "abc",
        "calibration": exporting.from_generator(generator, student, ZERO_ONE, 30),
        "generator": generator,
        "test": (noise_pixels((8, 8, 1), 40, 9), np.arange(40) % 3),
        "dataset": "noise",
        **changes,
    }
    place = tmp_path / "out"
    return student, place, exporting.export_student(student, str(place), ZERO_ONE, **settings)


def test_an_export_is_whole_and_its_card_true(tmp_path):
    lines = []
    student, place, card = exported(tmp_path, say=lines.append)
    files = {file.name for file in LITE_FILES.values()}
    assert {path.name for path in place.iterdir()} == files | {
        "saved_model",
        "card.json",
        "card.md",
    }
    assert card == json.loads((place / "card.json").read_text())
    assert list(tmp_path.iterdir()) == [place] and len(lines) == 5
    pixels = noise_pixels((8, 8, 1), 40, 9)
    keras_classes = np.asarray(student(ZERO_ONE.to_input(pixels))).argmax(-1)
    assert card["keras_accuracy"] == (keras_classes == np.arange(40) % 3).mean()
    for name, entry in card["files"].items():
        content = (place / name).read_bytes()
        classes = LiteModel(content, name).predict(pixels).argmax(-1)
        assert entry["bytes"] == len(content) and entry["milliseconds"] > 0
        assert entry["accuracy"] == (classes == np.arange(40) % 3).mean()
        assert entry["agreement"]["test"] == pytest.approx((classes == keras_classes).mean())
        assert set(entry["agreement"]) == {"noise", "generated", "test"}
    text = (place / "card.md").read_text()
    assert (
        "30 generated images, every other stretched" in text and "raw pixels from 0 to 255" in text
    )
    assert all(f"`{name}`" in text for name in files) and "2. c\n" in text
    saved = card["saved_model"]
    assert saved["accuracy"] == card["keras_accuracy"] and saved["agreement"]["test"] == 1


def test_a_saved_model_takes_any_number_of_images_and_holds_weights_once(tmp_path):
    student = keras.Sequential(
        [keras.Input((16, 16, 1)), keras.layers.Flatten(), keras.layers.Dense(1000)]
        + [keras.layers.Dense(3)]
    )
    card = exporting.export_student(student, str(tmp_path / "a"), ZERO_ONE, "abc", ["saved_model"])
    on_disk = sum(f.stat().st_size for f in (tmp_path / "a" / "saved_model").rglob("*.*"))
    weights = 4 * student.count_params()
    assert on_disk <= 1.1 * weights
    assert card["saved_model"]["times_the_weights"] == pytest.approx(on_disk / weights)
    loaded = tf.saved_model.load(str(tmp_path / "a" / "saved_model"))
    for count in (1, 3):
        pixels = noise_pixels((16, 16, 1), count, 0)
        outputs = loaded.signatures["serving_default"](image=tf.constant(pixels))
        expected = student(ZERO_ONE.to_input(pixels))
        np.testing.assert_allclose(outputs["logits"], expected, atol=1e-4)
        np.testing.assert_allclose(outputs["probabilities"], tf.nn.softmax(expected), atol=1e-5)


def test_a_file_that_disagrees_leaves_nothing_behind(tmp_path, monkeypatch):
    def convert_another(student, *arguments):
        return lite_converter.convert(folding_classifier(), *arguments)

    monkeypatch.setattr(export, "convert", convert_another)
    with pytest.raises(InputError, match=r"Expected student_dynamic_int8.tflite .*Received"):
        exported(tmp_path, exports=["saved_model", "dynamic_int8"])
    assert list(tmp_path.iterdir()) == []


def test_bounds_of_agreement():
    expected = np.array([[2.0, 0.0], [0.0, 2.0], [1.0, 0.99], [0.0, 2.0]], np.float32)
    reference = agreement.Reference({}, {"generated": expected}, None)
    flipped_tie, flipped = expected.copy(), expected.copy()
    flipped_tie[2], flipped[0] = flipped_tie[2, ::-1], flipped[0, ::-1]
    found = agreement.compare({"generated": flipped_tie}, reference)
    assert found.same_class["generated"] == 0.75 and found.changed["generated"] == 0
    agreement.check_agreement(found, LITE_FILES["int8"])
    found = agreement.compare({"generated": flipped}, reference)
    assert found.changed["generated"] == 0.25
    with pytest.raises(InputError, match="at most 10 % .* Received: 25.0 %"):
        agreement.check_agreement(found, LITE_FILES["int8"])
    agreement.check_agreement(found, LITE_FILES["int8"], most_changed=0.3)
    with pytest.raises(InputError, match="within 0.001 of .*logits"):
        agreement.check_agreement(found, LITE_FILES["float32"])
    broken = agreement.compare({"generated": expected * np.nan}, reference)
    with pytest.raises(InputError, match="Received: inf"):
        agreement.check_agreement(broken, LITE_FILES["int8"], most_changed=1.0)


def test_full_integers_are_not_held_to_noise_where_there_are_images():
    expected = np.array([[2.0, 0.0], [0.0, 2.0]], np.float32)
    answers = {"noise": expected[::-1], "generated": expected}
    both = agreement.Reference({}, {"noise": expected, "generated": expected})
    agreement.check_agreement(agreement.compare(answers, both), LITE_FILES["int8"])
    alone = agreement.Reference({}, {"noise": expected})
    with pytest.raises(InputError, match="noise images"):
        agreement.check_agreement(agreement.compare(answers, alone), LITE_FILES["int8"])


def test_what_is_there_is_kept(tmp_path):
    place = tmp_path / "out"
    place.mkdir()
    (place / "card.json").write_text("old")
    with pytest.raises(InputError, match="--overwrite"):
        exported(tmp_path, exports=["float32"])
    assert (place / "card.json").read_text() == "old"
    (place / "thesis.docx").write_text("mine")
    with pytest.raises(InputError, match="thesis.docx"):
        exported(tmp_path, exports=["float32"], overwrite=True)
    (place / "thesis.docx").unlink()
    exported(tmp_path, exports=["float32"], overwrite=True)
    assert sorted(p.name for p in tmp_path.rglob("*")) == [
        "card.json", "card.md", "out", "student_float32.tflite",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": "ab"}, "Expected 3 labels"),
        ({"labels": ["a", "b\nb", "c"]}, r"one line each. Received: 'b\\nb'"),
        ({"calibration": None}, "calibration images for int8"),
        ({"exports": ["flaot32"]}, "Did you mean 'float32'"),
    ],
)
def test_mistakes_come_before_any_work(tmp_path, changes, message, monkeypatch):
    monkeypatch.setattr(export, "convert", None)
    with pytest.raises(InputError, match=message):
        exported(tmp_path, **changes)
    assert list(tmp_path.iterdir()) == []


def test_large_networks_are_measured_on_fewer_images():
    assert agreement.affordable_test_images(small_classifier(), 10_000) == 10_000
    large = keras.Sequential([keras.Input((224, 224, 3)), keras.layers.Conv2D(512, 7)])
    large.add(keras.layers.GlobalMaxPooling2D())
    assert agreement.affordable_test_images(large, 10_000) == 1000
    assert agreement.affordable_test_images(large, 300) == 300


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (["all"], list(exporting.EXPORTS)),
        (["none"], []),
        (["int8", "saved-model", "int8"], ["saved_model", "int8"]),
    ],
)
def test_names_of_exports(given, found):
    assert exporting.check_exports(given, "--export") == found


@pytest.mark.parametrize("given", [["int7"], ["all", "int8"], ["none", "int8"], []])
def test_wrong_names_of_exports(given):
    with pytest.raises(InputError, match="--export"):
        exporting.check_exports(given, "--export")


def test_a_card_speaks_of_what_is_there(tmp_path):
    _, place, _ = exported(tmp_path, exports=["saved_model"])
    text = (place / "card.md").read_text()
    assert ".tflite" not in text and "## SavedModel" in text
    elu = exporting.export_student(
        with_activation("elu"), str(tmp_path / "elu"), ZERO_ONE, "abc", ["int8"],
        exporting.from_noise((8, 8, 1), 20), batch_size=2,
    )  # fmt: skip
    assert elu["files"]["student_int8.tflite"]["float_operations"] == ["ELU"]
    text = (tmp_path / "elu" / "card.md").read_text()
    assert "NPUs refuse its ELU" in text and "in batches of 2" in text


def test_a_file_may_be_left_out_and_the_card_says_why(tmp_path, monkeypatch):
    def convert_another(student, contract, precision, *arguments):
        wrong = folding_classifier() if precision == "float16" else student
        return lite_converter.convert(wrong, contract, precision, *arguments)

    monkeypatch.setattr(export, "convert", convert_another)
    _, place, card = exported(tmp_path, exports=["float32", "float16"], leave_out=True)
    assert list(card["files"]) == ["student_float32.tflite"]
    assert not (place / "student_float16.tflite").exists()
    assert "Expected student_float16.tflite" in card["left_out"]["student_float16.tflite"]
    assert "`student_float16.tflite` was left out. Expected" in (place / "card.md").read_text()


def test_a_student_that_float32_would_change_is_refused(tmp_path, monkeypatch):
    mixed = folding_classifier(dtype="mixed_float16")
    monkeypatch.setattr(export, "float32_copy", lambda _: small_classifier())
    with pytest.raises(InputError, match="in float32 as in mixed precision"):
        exporting.export_student(mixed, str(tmp_path / "out"), ZERO_ONE, "abc", ["float32"])
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_written_whole_or_stays_as_it_was(tmp_path, monkeypatch):
    place, replace = tmp_path / "deep" / "out", os.replace

    def fill(text):
        return lambda folder: (folder / "a").write_text(text)

    def full_disk(folder):
        (folder / "a").write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(InputError, match="as it was.*No space"):
        files.write_folder(place, full_disk)
    assert list(tmp_path.iterdir()) == []
    files.write_folder(place, fill("old"))

    def fail_second(source, target):
        if pathlib.Path(target) == place and (pathlib.Path(source) / "a").read_text() == "new":
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", fail_second)
    for write in (full_disk, fill("new")):
        with pytest.raises(InputError, match="as it was"):
            files.write_folder(place, write)
        assert (place / "a").read_text() == "old" and list(place.parent.iterdir()) == [place]
    monkeypatch.setattr(os, "replace", replace)
    link = tmp_path / "link"
    link.symlink_to(place)
    files.write_folder(link, fill("new"))
    assert (place / "a").read_text() == "new" and link.is_symlink()


def test_the_current_folder_is_not_replaced(tmp_path, monkeypatch):
    (tmp_path / "card.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="Received the current"):
        exporting.check_output(pathlib.Path("."), overwrite=True)
