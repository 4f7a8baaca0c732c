"""A complete export: its files, its checks, its model card and its folder."""

import dataclasses
import json
import logging
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from dfad_tf import exporting
from dfad_tf.data.pixel_contract import PixelContract
from dfad_tf.exporting import EXPORTERS, ExportOptions, LabelledImages, agreement, student_export
from dfad_tf.exporting.agreement import AgreementBounds
from dfad_tf.exporting.calibration import noise_pixels
from dfad_tf.exporting.exporter import ExportedModel, Exporter
from dfad_tf.exporting.lite_exporter import Float16Exporter, LiteExporter
from dfad_tf.exporting.lite_model import LiteModel
from dfad_tf.exporting.saved_model import SavedModelExporter
from dfad_tf.utils.errors import InputError
from tests.conftest import small_classifier, small_generator
from tests.exporting.test_lite_files import folding_classifier, with_activation

ZERO_ONE = PixelContract("zero_one")
LITE_NAMES = {EXPORTERS[name].file_name for name in exporting.LITE_FORMATS}
INT8, FLOAT32 = EXPORTERS["int8"].bounds, EXPORTERS["float32"].bounds


@keras.saving.register_keras_serializable("tests")
class NotBuiltIn(keras.layers.Layer):
    def call(self, inputs):
        return tf.math.digamma(tf.abs(inputs) + 1)


@pytest.mark.slow
def test_operations_that_litert_does_not_provide_are_named(tmp_path):
    student = keras.Sequential([small_classifier(), NotBuiltIn()])
    with pytest.raises(InputError, match="built into LiteRT.*Digamma"):
        exporting.check_convertible(student, ZERO_ONE)
    with pytest.raises(InputError, match="Digamma"):
        exporting.export_student(student, str(tmp_path / "out"), ZERO_ONE, "abc", ["float32"])
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def messages(caplog, monkeypatch):
    """The log messages of the package, also after a command has redirected them."""
    monkeypatch.setattr(logging.getLogger("dfad_tf"), "propagate", True)
    with caplog.at_level(logging.INFO, "dfad_tf"):
        yield lambda: [r.message for r in caplog.records if r.name.startswith("dfad_tf")]


def exported(tmp_path, labels="abc", formats=exporting.FORMATS, **changes):
    """Export a small student; return it, the folder and the card."""
    student, generator = small_classifier(), small_generator()
    settings = {
        "calibration": exporting.from_generator(generator, student, ZERO_ONE, 30),
        "generator": generator,
        "test": LabelledImages(noise_pixels((8, 8, 1), 40, 9), np.arange(40) % 3, "noise"),
        **changes,
    }
    place = tmp_path / "out"
    card = exporting.export_student(
        student, str(place), ZERO_ONE, labels, formats, ExportOptions(**settings)
    )
    return student, place, card


def converting(student):
    """A `convert` that converts another student than the one that was given."""
    original = LiteExporter.convert
    return lambda self, inputs: original(self, dataclasses.replace(inputs, student=student))


@pytest.mark.slow
def test_an_export_is_complete_and_its_card_is_correct(tmp_path, messages):
    student, place, card = exported(tmp_path)
    assert {path.name for path in place.iterdir()} == LITE_NAMES | {
        "saved_model",
        "card.json",
        "card.md",
    }
    assert card == json.loads((place / "card.json").read_text())
    assert list(tmp_path.iterdir()) == [place]
    names = [message.split(":")[0].strip() for message in messages()]
    assert names == [EXPORTERS[name].file_name for name in exporting.FORMATS]
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
    assert "30 generated images, every other stretched" in text
    assert "raw pixels from 0 to 255" in text and "2. c\n" in text
    assert all(f"`{name}`" in text for name in LITE_NAMES)
    saved = card["saved_model"]
    assert saved["accuracy"] == card["keras_accuracy"] and saved["agreement"]["test"] == 1


def test_a_saved_model_takes_any_number_of_images_and_stores_weights_once(tmp_path):
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


@pytest.mark.slow
def test_nothing_is_written_if_a_file_differs_from_the_student(tmp_path, monkeypatch):
    monkeypatch.setattr(LiteExporter, "convert", converting(folding_classifier()))
    with pytest.raises(InputError, match=r"student_dynamic_int8.tflite .*Received"):
        exported(tmp_path, formats=["saved_model", "dynamic_int8"])
    assert list(tmp_path.iterdir()) == []


def test_bounds_of_agreement():
    expected = np.array([[2.0, 0.0], [0.0, 2.0], [1.0, 0.99], [0.0, 2.0]], np.float32)
    reference = agreement.Reference({}, {"generated": expected}, None)
    flipped_tie, flipped = expected.copy(), expected.copy()
    flipped_tie[2], flipped[0] = flipped_tie[2, ::-1], flipped[0, ::-1]
    found = agreement.compare({"generated": flipped_tie}, reference)
    assert found.same_class["generated"] == 0.75 and found.changed["generated"] == 0
    agreement.check_agreement(found, "x", INT8)
    found = agreement.compare({"generated": flipped}, reference)
    assert found.changed["generated"] == 0.25
    with pytest.raises(InputError, match="at most 10 % .* Received: 25.0 %"):
        agreement.check_agreement(found, "x", INT8)
    agreement.check_agreement(found, "x", INT8, tolerance=0.3)
    with pytest.raises(InputError, match="logits of x .* by at most 0.001 "):
        agreement.check_agreement(found, "x", FLOAT32)
    broken = agreement.compare({"generated": expected * np.nan}, reference)
    with pytest.raises(InputError, match="Received: inf"):
        agreement.check_agreement(broken, "x", INT8, tolerance=1.0)


def test_full_integer_files_are_checked_on_noise_only_without_other_images():
    expected = np.array([[2.0, 0.0], [0.0, 2.0]], np.float32)
    answers = {"noise": expected[::-1], "generated": expected}
    both = agreement.Reference({}, {"noise": expected, "generated": expected})
    agreement.check_agreement(agreement.compare(answers, both), "x", INT8)
    alone = agreement.Reference({}, {"noise": expected})
    with pytest.raises(InputError, match="noise images"):
        agreement.check_agreement(agreement.compare(answers, alone), "x", INT8)


@pytest.mark.slow
def test_only_an_earlier_export_is_replaced_and_only_with_overwrite(tmp_path):
    place = tmp_path / "out"
    place.mkdir()
    (place / "card.json").write_text("old")
    with pytest.raises(InputError, match="`folder` to be a new folder, or `overwrite`"):
        exported(tmp_path, formats=["float32"])
    assert (place / "card.json").read_text() == "old"
    (place / "thesis.docx").write_text("mine")
    with pytest.raises(InputError, match="thesis.docx"):
        exported(tmp_path, formats=["float32"], overwrite=True)
    (place / "thesis.docx").unlink()
    exported(tmp_path, formats=["float32"], overwrite=True)
    assert sorted(p.name for p in tmp_path.rglob("*")) == [
        "card.json", "card.md", "out", "student_float32.tflite",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": "ab"}, "Expected 3 `labels`"),
        ({"labels": ["a", "b\nb", "c"]}, r"`labels` of one line each. Received: 'b\\nb'"),
        ({"calibration": None}, "`calibration` images for the format int8"),
        ({"formats": ["flaot32"]}, "`formats`.*Did you mean 'float32'"),
    ],
)
def test_mistakes_are_found_before_any_conversion(tmp_path, changes, message, monkeypatch):
    monkeypatch.setattr(LiteExporter, "convert", None)
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
        (["all"], list(exporting.FORMATS)),
        (["none"], []),
        (["int8", "saved-model", "int8"], ["saved_model", "int8"]),
    ],
)
def test_names_of_formats(given, found):
    assert exporting.check_formats(given) == found


@pytest.mark.parametrize("given", [["int7"], ["all", "int8"], ["none", "int8"], []])
def test_wrong_names_of_formats(given):
    with pytest.raises(InputError, match="`formats`"):
        exporting.check_formats(given)


@pytest.mark.slow
def test_a_card_describes_only_the_exported_files(tmp_path):
    _, place, _ = exported(tmp_path, formats=["saved_model"])
    text = (place / "card.md").read_text()
    assert ".tflite" not in text and "## SavedModel" in text
    elu = exporting.export_student(
        with_activation("elu"), str(tmp_path / "elu"), ZERO_ONE, "abc", ["int8"],
        ExportOptions(exporting.from_noise((8, 8, 1), 20), batch_size=2),
    )  # fmt: skip
    assert elu["files"]["student_int8.tflite"]["float_operations"] == ["ELU"]
    text = (tmp_path / "elu" / "card.md").read_text()
    assert "NPUs do not support ELU" in text and "in batches of 2" in text


@pytest.mark.slow
def test_a_file_is_left_out_and_the_card_names_the_reason(tmp_path, monkeypatch, messages):
    monkeypatch.setattr(Float16Exporter, "convert", converting(folding_classifier()))
    _, place, card = exported(tmp_path, formats=["float32", "float16"], leave_out=True)
    assert list(card["files"]) == ["student_float32.tflite"]
    assert not (place / "student_float16.tflite").exists()
    assert "logits of student_float16.tflite" in card["left_out"]["student_float16.tflite"]
    assert "`student_float16.tflite` was left out. Expected" in (place / "card.md").read_text()
    assert messages()[-1].startswith("student_float16.tflite is left out. Expected")


@pytest.mark.slow
def test_a_saved_model_is_left_out_too(tmp_path, monkeypatch):
    monkeypatch.setattr(SavedModelExporter, "bounds", AgreementBounds(-1.0, 0.0))
    with pytest.raises(InputError, match="logits of saved_model"):
        exported(tmp_path, formats=["saved_model"])
    _, place, card = exported(tmp_path, formats=["saved_model", "float32"], leave_out=True)
    assert card["saved_model"] is None and list(card["left_out"]) == ["saved_model"]
    assert not (place / "saved_model").exists() and (place / "student_float32.tflite").exists()


class WeightsExporter(Exporter):
    """A third format, in a test: the weights as NumPy writes them."""

    format, file_name, use = "weights", "weights.npz", "tests"
    bounds = AgreementBounds(1e-6, 0.0)

    def write(self, inputs, path):
        np.savez(path, *inputs.student.get_weights())
        model = small_classifier()
        model.set_weights(np.load(path).values())

        class Reopened(ExportedModel):
            def predict(self, pixels):
                return np.asarray(model(inputs.contract.to_input(pixels)))

        return Reopened()


@pytest.mark.slow
def test_a_new_format_is_one_class(tmp_path, monkeypatch):
    monkeypatch.setitem(EXPORTERS, "weights", WeightsExporter())
    monkeypatch.setattr(student_export, "check_formats", list)
    _, place, card = exported(tmp_path, formats=["float32", "weights"])
    entry = card["files"]["weights.npz"]
    assert entry["bytes"] == (place / "weights.npz").stat().st_size
    assert entry["accuracy"] == card["keras_accuracy"] and entry["milliseconds"] is None
    assert "| `weights.npz` |" in (place / "card.md").read_text()


def test_a_student_whose_answers_float32_would_change_is_rejected(tmp_path, monkeypatch):
    mixed = folding_classifier(dtype="mixed_float16")
    monkeypatch.setattr(student_export, "float32_copy", lambda _: small_classifier())
    with pytest.raises(InputError, match="in float32 as in mixed precision"):
        exporting.export_student(mixed, str(tmp_path / "out"), ZERO_ONE, "abc", ["float32"])
    assert list(tmp_path.iterdir()) == []


def test_the_current_folder_is_not_replaced(tmp_path, monkeypatch):
    (tmp_path / "card.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="Received the current folder"):
        exporting.check_output(pathlib.Path("."), overwrite=True)
