import io
import json
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from PIL import Image

from dfad_tf import exporting, measurement
from dfad_tf.errors import InputError
from dfad_tf.exporting import agreement, export, lite_converter, serving
from dfad_tf.exporting.calibration import Calibration, noise_pixels
from dfad_tf.exporting.files import LITE_FILES
from dfad_tf.exporting.lite_metadata import with_metadata
from dfad_tf.exporting.lite_model import LiteModel, latencies
from dfad_tf.pixel_contract import PixelContract
from tests.conftest import small_classifier, small_generator

ZERO_ONE = PixelContract("zero_one")
CONTRACTS = [
    PixelContract("pixels").for_channels(3),
    PixelContract("minus_one_one").for_channels(3),
    PixelContract("standardized", (120.0, 110.0, 100.0), (60.0, 61.0, 62.0)),
]


def folding_classifier(shape=(8, 8, 1), dtype=None):
    """Convolution, batch norm and relu in the order in which they fold into one."""
    layers = [
        keras.Input(shape, name="in"),
        keras.layers.Conv2D(4, 3, use_bias=False, dtype=dtype, name="conv"),
        keras.layers.BatchNormalization(dtype=dtype, name="norm"),
        keras.layers.ReLU(dtype=dtype, name="relu"),
        keras.layers.Flatten(dtype=dtype, name="flat"),
        keras.layers.Dense(3, dtype="float32", name="head"),
    ]
    model = keras.Sequential(layers, name="folding")
    random = np.random.default_rng(0)
    model.set_weights([0.5 + random.random(w.shape) for w in model.get_weights()])
    return model


def operations(content):
    """Names of a file's operations, as LiteRT would run them without its delegate."""
    from ai_edge_litert.interpreter import OpResolverType

    interpreter = Interpreter(
        model_content=content,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    return interpreter, [op["op_name"] for op in interpreter._get_ops_details()]


def convert(student, precision="float32", contract=ZERO_ONE, images=None, batch_size=1):
    shape = student.input_shape[1:]
    images = noise_pixels(shape, 20, 0) if images is None else images
    return lite_converter.convert(
        student, contract, precision, Calibration(images, "test"), batch_size
    )


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda c: c.range)
def test_a_file_takes_raw_pixels_and_answers_as_keras_does(contract):
    student = small_classifier((8, 8, 3))
    pixels = noise_pixels((8, 8, 3), 5, 0)
    expected = np.asarray(student(contract.to_input(pixels)))
    received = LiteModel(convert(student, contract=contract), "x").predict(pixels)
    np.testing.assert_allclose(received, expected, rtol=1e-4, atol=1e-4)


def test_a_softmax_is_taken_off_the_logits_and_kept_in_the_probabilities():
    student = small_classifier(softmax=True)
    pixels = noise_pixels((8, 8, 1), 1, 0)
    runner = Interpreter(model_content=convert(student)).get_signature_runner()
    outputs = runner(image=pixels)
    expected = np.asarray(student(ZERO_ONE.to_input(pixels)))
    np.testing.assert_allclose(outputs["probabilities"], expected, atol=1e-5)
    np.testing.assert_allclose(tf.nn.softmax(outputs["logits"]), expected, atol=1e-5)
    assert outputs["logits"].min() < 0


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_exports_the_same_file(policy):
    mixed, plain = folding_classifier(dtype=policy), folding_classifier()
    assert mixed.layers[0].compute_dtype != "float32"
    contents = [convert(serving.float32_copy(model)) for model in (mixed, plain)]
    pixels = noise_pixels((8, 8, 1), 5, 0)
    answers = [LiteModel(content, "x").predict(pixels) for content in contents]
    np.testing.assert_array_equal(*answers)
    assert operations(contents[0])[1] == operations(contents[1])[1]
    # A counter of traced functions in a tensor's name is all that differs.
    different = {a for a, b in zip(*contents, strict=True) if a != b}
    assert different <= set(b"0123456789")


def test_nested_models_are_brought_to_float32():
    inner = folding_classifier(dtype="mixed_float16")
    inputs = keras.Input((8, 8, 1))
    outer = keras.Model(inputs, keras.layers.Activation("linear")(inner(inputs)))
    copy = serving.float32_copy(outer)
    assert all(layer.compute_dtype == "float32" for layer in copy._flatten_layers())
    assert serving.float32_copy(folding_classifier(dtype="float32")).name == "folding"


def test_batch_norm_and_relu_fold_into_the_convolution():
    _, names = operations(convert(folding_classifier(), contract=PixelContract("pixels")))
    assert names.count("CONV_2D") == 1
    assert not {"MUL", "ADD", "SUB", "RELU", "RSQRT"} & set(names), names


def test_full_int8_computes_in_integers_and_takes_every_pixel_for_itself():
    grey = np.full((20, 8, 8, 1), 100, np.uint8) + noise_pixels((8, 8, 1), 20, 0) // 8
    interpreter, names = operations(convert(folding_classifier(), "int8", images=grey))
    assert names[-1] == "DEQUANTIZE" and "CAST" not in names
    computed = [op for op in interpreter._get_ops_details() if op["op_name"] != "DEQUANTIZE"]
    tensors = {tensor["index"]: tensor["dtype"] for tensor in interpreter.get_tensor_details()}
    used = {tensors[index] for op in computed for index in op["outputs"]}
    assert used <= {np.int8, np.uint8}, used
    details = interpreter.get_input_details()[0]
    # Grey pixels alone would stretch the scale; 0 and 255 must stay what they are.
    assert details["quantization"] == (1.0, 0) and details["dtype"] == np.uint8


def test_files_shrink_with_their_precision():
    student = keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(500)]
        + [keras.layers.Dense(3)]
    )
    sizes = {name: len(convert(student, name)) for name in LITE_FILES}
    assert sizes["float16"] < 0.6 * sizes["float32"]
    assert max(sizes["dynamic_int8"], sizes["int8"]) < 0.4 * sizes["float32"]


def test_other_batch_sizes(tmp_path):
    student, pixels = small_classifier(), noise_pixels((8, 8, 1), 5, 0)
    for precision in ("float32", "int8"):
        content = convert(student, precision, batch_size=2)
        interpreter = Interpreter(model_content=content)
        assert list(interpreter.get_input_details()[0]["shape"]) == [2, 8, 8, 1]
        assert LiteModel(content, "x").predict(pixels).shape == (5, 3)
    expected = np.asarray(student(ZERO_ONE.to_input(pixels)))
    received = LiteModel(convert(student, batch_size=2), "x").predict(pixels)
    np.testing.assert_allclose(received, expected, atol=1e-4)


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


def test_labels_and_metadata_lie_in_the_file():
    content = convert(small_classifier())
    extended = with_metadata(content, ["ä", "b", "c"], {"precision": "float32"})
    archive = zipfile.ZipFile(io.BytesIO(extended))
    assert archive.read("labels.txt").decode() == "ä\nb\nc\n"
    assert json.loads(archive.read("metadata.json"))["precision"] == "float32"
    assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
    assert extended == with_metadata(content, ["ä", "b", "c"], {"precision": "float32"})
    pixels = noise_pixels((8, 8, 1), 2, 0)
    with_tail, without = (LiteModel(c, "x").predict(pixels) for c in (extended, content))
    np.testing.assert_array_equal(with_tail, without)


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
    assert "30 generated images" in text and "raw pixels from 0 to 255" in text
    assert all(f"`{name}`" in text for name in files)


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
        ({"calibration": None}, "calibration images for int8"),
    ],
)
def test_mistakes_come_before_any_work(tmp_path, changes, message, monkeypatch):
    monkeypatch.setattr(export, "convert", None)
    with pytest.raises(InputError, match=message):
        exported(tmp_path, **changes)
    assert list(tmp_path.iterdir()) == []


def test_generated_calibration_is_what_a_camera_would_give():
    student, generator = small_classifier(), small_generator()
    first = exporting.from_generator(generator, student, ZERO_ONE, 30)
    assert first.images.dtype == np.uint8 and first.images.shape == (30, 8, 8, 1)
    again = exporting.from_generator(generator, student, ZERO_ONE, 30)
    other = exporting.from_generator(generator, student, ZERO_ONE, 30, seed=1)
    assert np.array_equal(first.images, again.images)
    assert not np.array_equal(first.images, other.images)
    made = ZERO_ONE.to_pixels(measurement.generated_images(generator, 30, 0xCA11B))
    assert made.min() < -1 and made.max() > 256  # which is not to wrap around
    np.testing.assert_array_equal(first.images, np.clip(np.rint(made), 0, 255))
    with pytest.raises(InputError, match=r"images \(8, 8, 1\).*to \(4, 4, 1\)"):
        exporting.from_generator(small_generator((4, 4, 1)), student, ZERO_ONE, 30)


def test_calibration_from_pictures(tmp_path):
    with pytest.raises(InputError, match="which holds none"):
        exporting.from_folder(str(tmp_path), (8, 8, 1), 10)
    pixels = noise_pixels((8, 8, 3), 4, 0)
    for index, image in enumerate(pixels):
        Image.fromarray(image).save(tmp_path / f"{index}.png")
    found = exporting.from_folder(str(tmp_path), (8, 8, 3), 3)
    assert found.images.shape == (3, 8, 8, 3)
    assert all(any(np.array_equal(image, p) for p in pixels) for image in found.images)
    assert exporting.from_folder(str(tmp_path), (8, 8, 1), 10).images.shape == (4, 8, 8, 1)
    with pytest.raises(InputError, match="9×8.*Received: 8×8"):
        exporting.from_folder(str(tmp_path), (8, 9, 3), 10)
    (tmp_path / "5.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"5.png could not be read"):
        exporting.from_folder(str(tmp_path), (8, 8, 3), 10)


def test_calibration_spans_all_pixels_by_two_of_them():
    images = np.full((3, 8, 8, 1), 100, np.uint8)
    spanning = Calibration(images, "").spanning()
    assert (spanning.min(), spanning.max()) == (0, 255) and (spanning != images).sum() == 2
    assert images.min() == images.max() == 100


def test_files_are_timed_in_turn(monkeypatch):
    content, order = convert(small_classifier()), []
    seconds = {"a": [1, 2, 9], "b": [4, 5, 6]}
    models = {name: LiteModel(content, name) for name in seconds}
    assert models["a"].seconds(noise_pixels((8, 8, 1), 1, 0)) > 0
    for name, model in models.items():
        times = iter(seconds[name])

        def next_time(_, name=name, times=times):
            order.append(name)
            return next(times)

        monkeypatch.setattr(model, "seconds", next_time)
    assert latencies(models, None, 3) == {"a": 2000, "b": 5000}
    assert order == list("baabba")


def test_large_networks_are_measured_on_fewer_images():
    assert agreement.affordable_test_images(small_classifier(), 10_000) == 10_000
    large = keras.Sequential([keras.Input((224, 224, 3)), keras.layers.Conv2D(512, 7)])
    large.add(keras.layers.GlobalMaxPooling2D())
    assert agreement.affordable_test_images(large, 10_000) == 1000
    assert agreement.affordable_test_images(large, 300) == 300


def test_a_damaged_file_is_told():
    with pytest.raises(InputError, match="LiteRT cannot run x"):
        LiteModel(convert(small_classifier())[:2000], "x")
    foreign = tf.function(lambda x: x + 1, input_signature=[tf.TensorSpec((1, 2), tf.float32)])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([foreign.get_concrete_function()])
    with pytest.raises(InputError, match="x"):
        LiteModel(converter.convert(), "x")


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
