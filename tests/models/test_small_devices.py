"""The students of phones and microcontrollers: published sizes, small images, exported files."""

import keras
import numpy as np
import pytest

from dfad_tf import models
from dfad_tf.data.pixel_contract import PixelContract
from dfad_tf.data.procedural_images import procedural_images
from dfad_tf.exporting.calibration import Calibration
from dfad_tf.exporting.student_export import ExportOptions, export_student
from dfad_tf.graphs.multiply_adds import multiply_adds
from dfad_tf.utils.errors import InputError

NAMES = (
    "mobilenet_v1_025",
    "mobilenet_v2_035",
    "mobilenet_v3_small",
    "efficientnet_lite0",
    "resnet8",
    "ds_cnn",
)
# Shape, classes, all parameters, and multiply-adds where they are published.
PUBLISHED = {
    "mobilenet_v1_025": ((224, 224, 3), 1000, 475_544, 41e6),  # arXiv 1704.04861: 0.5 M, 41 M
    "mobilenet_v2_035": ((224, 224, 3), 1000, 1_691_208, 59e6),  # slim: 1.66 M trainable, 59 M
    "mobilenet_v3_small": ((224, 224, 3), 1000, 2_554_968, 56e6),  # arXiv 1905.02244: 2.5 M, 56 M
    "efficientnet_lite0": ((224, 224, 3), 1000, 4_694_024, 385e6),  # TPU repository: 4.7 M
    "resnet8": ((32, 32, 3), 10, 78_666, 12.5e6),  # MLPerf Tiny: 78,666
    "ds_cnn": ((49, 10, 1), 12, 24_908, 2.66e6),  # MLPerf Tiny: 24,908
}


@pytest.mark.parametrize("name", NAMES)
def test_the_sizes_are_the_published_ones(name):
    shape, classes, parameters, macs = PUBLISHED[name]
    model = models.build(name, shape, classes)
    assert model.count_params() == parameters
    assert multiply_adds(model) == pytest.approx(macs, rel=0.01)
    assert model.output_shape == (None, classes)


@pytest.mark.parametrize(
    ("name", "function", "arguments"),
    [
        ("mobilenet_v1_025", "MobileNet", {"alpha": 0.25}),
        ("mobilenet_v2_035", "MobileNetV2", {"alpha": 0.35}),
        ("mobilenet_v3_small", "MobileNetV3Small", {"include_preprocessing": False}),
    ],
)
@pytest.mark.parametrize("shape", [(96, 96, 3), (97, 110, 3)])
def test_networks_of_large_images_compute_what_keras_applications_compute(
    name, function, arguments, shape
):
    keras.utils.set_random_seed(0)
    source = getattr(keras.applications, function)(
        input_shape=shape, weights=None, classes=5, classifier_activation=None, **arguments
    )
    model = models.build(name, shape, 5)
    model.set_weights(source.get_weights())
    images = np.random.default_rng(0).normal(size=(2, *shape)).astype("float32")
    np.testing.assert_allclose(model(images), source(images), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", [(8, 8, 1), (28, 28, 1), (49, 10, 2), (32, 32, 3)])
@pytest.mark.parametrize("name", NAMES)
def test_small_images_keep_feature_maps_of_several_pixels(name, shape):
    model = models.build(name, shape, 7)
    pooled = next(
        layer
        for layer in reversed(model.layers)
        if isinstance(layer, keras.layers.GlobalAveragePooling2D)
        and layer.input.shape[-1] > 63
        and "squeeze" not in layer.name
    )
    assert np.prod(pooled.input.shape[1:3]) >= 4
    answers = np.asarray(model(np.zeros((2, *shape), np.float32), training=True))
    assert answers.shape == (2, 7) and np.isfinite(answers).all()


def test_efficientnet_lite_has_no_squeeze_and_no_swish():
    model = models.build("efficientnet_lite0", (32, 32, 3), 4)
    kinds = {type(layer).__name__ for layer in model.layers}
    assert not kinds & {"Multiply", "Activation", "Rescaling", "Dropout"}
    assert {layer.max_value for layer in model.layers if isinstance(layer, keras.layers.ReLU)} == {
        6.0
    }


def test_images_of_a_few_pixels_are_refused():
    with pytest.raises(InputError, match="at least 9 pixels.*2, 2, 3"):
        models.build("mobilenet_v2_035", (2, 2, 3), 10)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_int8_files_run_on_a_microcontroller_and_the_card_says_so(name, tmp_path):
    runtime = pytest.importorskip("tflite_micro.python.tflite_micro.runtime")
    keras.utils.set_random_seed(0)
    shape = (32, 32, 3)
    student = models.build(name, shape, 10, [115.0] * 3, [64.0] * 3)
    images = procedural_images(128, shape)
    for layer in student.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    student(images, training=True)
    options = ExportOptions(calibration=Calibration(images, "drawings"), tolerance=1.0)
    contract = PixelContract("pixels").for_channels(3)
    folder = tmp_path / "export"
    card = export_student(student, str(folder), contract, "abcdefghij", ["int8"], options)
    entry = card["files"]["student_int8.tflite"]
    micro, arena = entry["microcontrollers"], entry["microcontrollers"]["arena_bytes"]
    assert entry["float_operations"] == [] and micro["unsupported"] == []
    assert entry["milliseconds"] > 0
    assert "Its interpreter opened the file" in (folder / "card.md").read_text()
    content = (folder / "student_int8.tflite").read_bytes()
    with pytest.raises(RuntimeError, match="allocate"):
        runtime.Interpreter.from_bytes(content, arena_size=arena - 4096)
    device = runtime.Interpreter.from_bytes(content, arena_size=arena)
    for image in images[:4].astype("uint8"):
        device.set_input(image[None], 0)
        device.invoke()
        outputs = [device.get_output(place)[0] for place in range(2)]
        logits = next(o for o in outputs if not np.isclose(o.sum(), 1.0, atol=0.05))
        expected = np.asarray(student(image[None].astype("float32")))[0]
        assert np.corrcoef(logits, expected)[0, 1] > 0.8
