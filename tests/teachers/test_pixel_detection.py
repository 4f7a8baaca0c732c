"""The pixels that a teacher expects are inferred from the teacher alone."""

import keras
import numpy as np
import pytest

from dfad_tf.data.pixel_contract import PixelContract
from dfad_tf.data.procedural_images import procedural_images
from dfad_tf.data.smooth_images import smooth_images
from dfad_tf.teachers.pixel_detection import declared_contract, detect_contract, mean_pixel
from dfad_tf.utils.errors import InputError
from tests.conftest import small_classifier


def behind(*layers, nested=False, shape=(16, 16, 3)):
    core = small_classifier(shape, batch_norm=False)
    inside = [core] if nested else core.layers
    return keras.Sequential([keras.Input(shape), *layers, *inside])


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (lambda: keras.layers.Rescaling(1 / 255), "pixels"),
        (lambda: keras.layers.Rescaling(1 / 127.5, offset=-1), "pixels"),
        (lambda: keras.layers.Rescaling(2.0, offset=-1), "zero_one"),
        (lambda: normalization([123.0, 117, 104], [58.0, 57, 57]), "pixels"),
        (lambda: normalization([0.48, 0.46, 0.41], [0.23, 0.22, 0.22]), "zero_one"),
        (lambda: keras.layers.Rescaling(1.0, offset=-116.0), "pixels"),
        (lambda: normalization([-0.05, -0.1, -0.2], [0.5, 0.5, 0.5]), "minus_one_one"),
    ],
)
def test_preprocessing_layers_determine_the_range(layer, expected, nested):
    contract = detect_contract(behind(layer(), nested=nested))
    assert contract.range == expected
    assert "preprocessing" in contract.source


def normalization(mean, std):
    return keras.layers.Normalization(mean=mean, variance=np.square(std))


@pytest.mark.parametrize(
    "layer",
    [
        lambda: keras.layers.SpatialDropout2D(0.5),
        lambda: keras.layers.GaussianNoise(0.9),
        lambda: keras.layers.RandomHue(0.5, value_range=(0, 255)),
        lambda: keras.layers.RandomShear(0.5, 0.5),
        lambda: keras.layers.Cropping2D(1),
        lambda: keras.layers.CenterCrop(12, 12),
    ],
)
def test_layers_that_keep_pixel_values_may_precede_the_preprocessing(layer):
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Rescaling(1 / 255)(layer()(inputs))
    x = keras.layers.Dense(3)(keras.layers.Flatten()(keras.layers.Conv2D(4, 3)(x)))
    contract = detect_contract(keras.Model(inputs, x))
    assert contract.range == "pixels" and "preprocessing" in contract.source


def test_the_mean_and_standard_deviation_are_in_raw_pixels():
    contract = detect_contract(behind(normalization([0.5, 0.4, 0.3], [0.25, 0.2, 0.1])))
    np.testing.assert_allclose(contract.mean, np.multiply([0.5, 0.4, 0.3], 255), rtol=1e-4)
    np.testing.assert_allclose(contract.std, np.multiply([0.25, 0.2, 0.1], 255), rtol=1e-4)


@pytest.mark.parametrize("name", ["pixels", "zero_one", "minus_one_one"])
def test_batch_normalization_indicates_the_range(name):
    keras.utils.set_random_seed(1)
    model = small_classifier((16, 16, 3), filters=16, batch_norm=True)
    contract = PixelContract(name, (115.0,) * 3, (64.0,) * 3)
    # The statistics of images of this range, as after training.
    first, norm = model.layers[0], model.layers[1]
    values = np.asarray(first(contract.to_input(smooth_images(64, (16, 16, 3), seed=9))))
    norm.moving_mean.assign(values.mean((0, 1, 2)))
    norm.moving_variance.assign(values.var((0, 1, 2)))
    found = detect_contract(model)
    assert found.range == name
    assert "batch normalization" in found.source


def test_declared_contract():
    assert declared_contract("zero_one", 3, (10.0,), (20.0,)).mean == (10.0,) * 3
    assert "declared" in declared_contract("pixels", 1, None, None).source
    blue_first = declared_contract("centered", 3, None, None)
    np.testing.assert_allclose(blue_first.to_input(np.zeros(3)), [-103.53, -116.28, -123.675])
    with pytest.raises(InputError, match="`mean`.*'centered'"):
        declared_contract("centered", 1, None, None)


def test_smooth_images_fill_the_range_of_pixels():
    images = smooth_images(32, (20, 24, 3))
    assert images.shape == (32, 20, 24, 3)
    assert 0 <= images.min() < 20 and 235 < images.max() <= 255
    assert abs(images.mean() - 115) < 10


def trained_on(images, padding="same"):
    """A teacher whose first batch norm has recorded these images behind random filters."""
    inputs = keras.Input(images.shape[1:])
    x = keras.layers.Conv2D(8, 3, padding=padding)(inputs)
    norm = keras.layers.BatchNormalization(momentum=0.0)
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.ReLU()(norm(x)))
    teacher = keras.Model(inputs, keras.layers.Dense(3)(x))
    teacher(images, training=True)
    return teacher, keras.Model(inputs, norm.input), norm


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize(
    ("scale", "offset", "dark", "expected"),
    [
        (1 / 255, 0.0, 1.0, "zero_one"),
        (1 / 255, 0.0, 0.0, "zero_one"),
        (2 / 255, -1.0, 1.0, "minus_one_one"),
        (1.0, 0.0, 1.0, "pixels"),
    ],
)
def test_the_mean_pixel_of_drawings_is_solved_from_batch_norm(
    scale, offset, dark, expected, padding
):
    keras.utils.set_random_seed(3)
    raw = procedural_images(256, (16, 16, 3), symbol_share=1.0, dark_share=dark)
    images = (raw * scale + offset).astype("f4")
    teacher, network, norm = trained_on(images, padding)
    wanted = images.mean((0, 1, 2))
    tolerance = 0.2 * images.std()
    np.testing.assert_allclose(mean_pixel(network, norm), wanted, atol=tolerance)
    found = detect_contract(teacher)
    assert found.range == expected
    np.testing.assert_allclose(found.mean, raw.mean((0, 1, 2)), atol=0.2 * raw.std())


def test_no_mean_is_solved_where_the_network_is_not_affine_or_nothing_explains_the_record():
    images = procedural_images(64, (16, 16, 1)).astype("f4")
    _, network, norm = trained_on(images)
    bent = keras.Model(network.inputs, keras.layers.ReLU()(network.outputs[0]))
    assert mean_pixel(bent, norm) is None
    norm.moving_mean.assign(np.random.default_rng(0).normal(size=8) * 100)
    assert mean_pixel(network, norm) is None
