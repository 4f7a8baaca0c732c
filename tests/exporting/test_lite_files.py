"""LiteRT files: their input, operations, outputs and metadata."""

import io
import json
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from dfad_tf.data.pixel_contract import PixelContract
from dfad_tf.exporting import EXPORTERS, LITE_FORMATS, ExportInputs, lite_model, serving
from dfad_tf.exporting.calibration import Calibration, noise_pixels
from dfad_tf.exporting.latency import latencies
from dfad_tf.exporting.lite_metadata import with_metadata
from dfad_tf.exporting.lite_model import LiteModel
from dfad_tf.exporting.lite_operations import float_operations
from dfad_tf.utils.errors import InputError
from tests.conftest import small_classifier

ZERO_ONE = PixelContract("zero_one")
CONTRACTS = [
    PixelContract("pixels").for_channels(3),
    PixelContract("minus_one_one").for_channels(3),
    PixelContract("standardized", (120.0, 110.0, 100.0), (60.0, 61.0, 62.0)),
]


def folding_classifier(shape=(8, 8, 1), dtype=None):
    """Convolution, batch normalization and ReLU in the order in which they can be folded."""
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
    """An interpreter, and the names of a file's operations without the default delegate."""
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
    inputs = ExportInputs(
        student, contract, calibration=Calibration(images, "test"), batch_size=batch_size
    )
    return EXPORTERS[precision].convert(inputs)


@pytest.mark.slow
@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda c: c.range)
def test_a_file_classifies_raw_pixels_as_the_keras_model_does(contract):
    student = small_classifier((8, 8, 3))
    pixels = noise_pixels((8, 8, 3), 5, 0)
    expected = np.asarray(student(contract.to_input(pixels)))
    received = LiteModel(convert(student, contract=contract), "x").predict(pixels)
    np.testing.assert_allclose(received, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.slow
def test_a_softmax_is_removed_from_the_logits_and_kept_in_the_probabilities():
    student = small_classifier(softmax=True)
    pixels = noise_pixels((8, 8, 1), 1, 0)
    runner = Interpreter(model_content=convert(student)).get_signature_runner()
    outputs = runner(image=pixels)
    expected = np.asarray(student(ZERO_ONE.to_input(pixels)))
    np.testing.assert_allclose(outputs["probabilities"], expected, atol=1e-5)
    np.testing.assert_allclose(tf.nn.softmax(outputs["logits"]), expected, atol=1e-5)
    assert outputs["logits"].min() < 0


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_a_mixed_precision_student_exports_the_same_file(policy):
    mixed, plain = folding_classifier(dtype=policy), folding_classifier()
    assert mixed.layers[0].compute_dtype != "float32"
    contents = [convert(serving.float32_copy(model)) for model in (mixed, plain)]
    pixels = noise_pixels((8, 8, 1), 5, 0)
    answers = [LiteModel(content, "x").predict(pixels) for content in contents]
    np.testing.assert_array_equal(*answers)
    assert operations(contents[0])[1] == operations(contents[1])[1]
    # The only difference is a counter of traced functions in the names of tensors.
    different = {a for a, b in zip(*contents, strict=True) if a != b}
    assert different <= set(b"0123456789")


def test_nested_models_are_copied_in_float32():
    inner = folding_classifier(dtype="mixed_float16")
    inputs = keras.Input((8, 8, 1))
    outer = keras.Model(inputs, keras.layers.Activation("linear")(inner(inputs)))
    copy = serving.float32_copy(outer)
    assert all(layer.compute_dtype == "float32" for layer in copy._flatten_layers())
    assert serving.float32_copy(folding_classifier(dtype="float32")).name == "folding"


def test_batch_normalization_and_relu_are_folded_into_the_convolution():
    _, names = operations(convert(folding_classifier(), contract=PixelContract("pixels")))
    assert names.count("CONV_2D") == 1
    assert not {"MUL", "ADD", "SUB", "RELU", "RSQRT"} & set(names), names


def test_full_int8_uses_integer_operations_and_does_not_rescale_pixels():
    gray = np.full((20, 8, 8, 1), 100, np.uint8) + noise_pixels((8, 8, 1), 20, 0) // 8
    interpreter, names = operations(convert(folding_classifier(), "int8", images=gray))
    assert names[-1] == "DEQUANTIZE" and "CAST" not in names
    computed = [op for op in interpreter._get_ops_details() if op["op_name"] != "DEQUANTIZE"]
    tensors = {tensor["index"]: tensor["dtype"] for tensor in interpreter.get_tensor_details()}
    used = {tensors[index] for op in computed for index in op["outputs"]}
    assert used <= {np.int8, np.uint8}, used
    details = interpreter.get_input_details()[0]
    # Calibration with gray pixels alone would change the scale of the input.
    assert details["quantization"] == (1.0, 0) and details["dtype"] == np.uint8


@pytest.mark.slow
def test_a_lower_precision_gives_a_smaller_file():
    student = keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(500)]
        + [keras.layers.Dense(3)]
    )
    contents = {name: convert(student, name) for name in LITE_FORMATS}
    sizes = {name: len(content) for name, content in contents.items()}
    assert sizes["float16"] < 0.6 * sizes["float32"]
    assert max(sizes["dynamic_int8"], sizes["int8"]) < 0.4 * sizes["float32"]
    for name, content in contents.items():
        tensors = operations(content)[0].get_tensor_details()
        weights = max(tensors, key=lambda tensor: tensor["shape"].prod())
        expected = {"dynamic_int8": "int8"}.get(name, name)
        assert np.dtype(weights["dtype"]).name == expected, name


@pytest.mark.slow
def test_other_batch_sizes(tmp_path):
    student, pixels = small_classifier(), noise_pixels((8, 8, 1), 5, 0)
    expected = np.asarray(student(ZERO_ONE.to_input(pixels)))
    for precision, tolerance in (("float32", 1e-4), ("int8", 0.1 * expected.std())):
        content = convert(student, precision, batch_size=2)
        interpreter = Interpreter(model_content=content)
        assert list(interpreter.get_input_details()[0]["shape"]) == [2, 8, 8, 1]
        received = LiteModel(content, "x").predict(pixels)
        np.testing.assert_allclose(received, expected, atol=tolerance)


def test_a_file_contains_labels_and_metadata():
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


@pytest.mark.slow
@pytest.mark.parametrize(("per_call", "calls"), [(0.002, 3), (0.5, 2)])
def test_the_latency_of_an_image_is_averaged_over_calls(monkeypatch, per_call, calls):
    """A model that takes `per_call` seconds runs until 5 ms have passed, and at least twice."""
    model, clock = LiteModel(convert(small_classifier(), batch_size=2), "x"), [0.0]
    images, pixels = [], noise_pixels((8, 8, 1), 3, 0)

    class Interpreter:
        def set_tensor(self, index, value):
            images.append(value)

        def invoke(self):
            clock[0] += per_call

    monkeypatch.setattr(model, "_interpreter", Interpreter())
    monkeypatch.setattr(lite_model.time, "perf_counter", lambda: clock[0])
    assert model.seconds(pixels) == pytest.approx(per_call / 2)  # two images per call
    assert clock[0] == pytest.approx(calls * per_call)
    np.testing.assert_array_equal(images, [pixels[:2]])


@pytest.mark.slow
def test_a_larger_network_has_a_larger_latency():
    wide = small_classifier((32, 32, 1), filters=256)
    pixels = noise_pixels((32, 32, 1), 1, 0)
    fast, slow = (LiteModel(convert(s), "x") for s in (small_classifier((32, 32, 1)), wide))
    assert min(slow.seconds(pixels) for _ in range(5)) > 3 * min(
        fast.seconds(pixels) for _ in range(5)
    )


def test_files_are_measured_alternately(monkeypatch):
    content, order = convert(small_classifier()), []
    seconds = {"a": [1, 2, 9], "b": [4, 5, 6]}
    models = {name: LiteModel(content, name) for name in seconds}
    for name, model in models.items():
        times = iter(seconds[name])

        def next_time(_, name=name, times=times):
            order.append(name)
            return next(times)

        monkeypatch.setattr(model, "seconds", next_time)
    assert latencies(models, None, 3) == {"a": 2000, "b": 5000}
    assert order == list("baabba")


@pytest.mark.slow
def test_a_damaged_or_third_party_file_is_rejected():
    with pytest.raises(InputError, match="LiteRT cannot run x"):
        LiteModel(convert(small_classifier())[:2000], "x")
    foreign = tf.function(lambda x: x + 1, input_signature=[tf.TensorSpec((1, 2), tf.float32)])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([foreign.get_concrete_function()])
    with pytest.raises(InputError, match="Expected .*exported student|uint8 input 'image'"):
        LiteModel(converter.convert(), "x")


def with_activation(activation):
    layers = [keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3, activation=activation)]
    return keras.Sequential([*layers, keras.layers.Flatten(), keras.layers.Dense(3)])


@pytest.mark.slow
@pytest.mark.parametrize("precision", LITE_FORMATS)
def test_an_activation_with_a_custom_gradient(precision):
    """A SavedModel's custom gradient of swish would refer to variables, which are constants."""
    student, pixels = with_activation("swish"), noise_pixels((8, 8, 1), 5, 0)
    received = LiteModel(convert(student, precision), "x").predict(pixels)
    expected = np.asarray(student(ZERO_ONE.to_input(pixels)))
    assert np.abs(received - expected).max() < 0.1 * expected.std()


@pytest.mark.slow
def test_operations_in_floating_point_are_named():
    assert float_operations(convert(with_activation("relu"), "int8")) == []
    assert float_operations(convert(with_activation("elu"), "int8")) == ["ELU"]


def test_the_float32_copy_keeps_the_statistics_of_normalization():
    """Keras restores the statistics of Normalization without updating the constants in use."""
    images = 50 + 9 * np.random.default_rng(0).normal(size=(100, 8, 8, 1))
    normalization = keras.layers.Normalization(dtype="mixed_float16")
    normalization.adapt(images)
    inputs = keras.Input((8, 8, 1))
    hidden = keras.layers.Conv2D(4, 3, dtype="mixed_float16")(normalization(inputs)) * 2.0
    outputs = keras.layers.Dense(3, dtype="float32")(keras.layers.Flatten()(hidden))
    student = keras.Model(inputs, outputs)
    copy = serving.float32_copy(student)
    assert copy is not student
    np.testing.assert_allclose(copy(images), student(images), atol=0.05)
