"""Preprocessing is read from layers and operations, wherever they are in front of the features."""

import keras
import numpy as np
import pytest

from dfad_tf.teachers.pixel_detection import detect_contract
from dfad_tf.teachers.preprocessing import read_preprocessing

SHAPE = (16, 16, 3)
L = keras.layers


def head(x):
    return L.Dense(4)(L.Flatten()(L.Conv2D(4, 3, activation="relu")(x)))


def model(*steps, shape=SHAPE):
    """A classifier that begins with functions of a symbolic tensor."""
    x = inputs = keras.Input(shape)
    for step in steps:
        x = step(x)
    return keras.Model(inputs, head(x))


def nested(*layers):
    """The layers as a model of their own."""
    return keras.Sequential([keras.Input(SHAPE), *layers])


AUGMENTATION = [L.RandomFlip("horizontal"), L.RandomRotation(0.1), L.RandomZoom(0.1)]


@pytest.mark.parametrize(
    ("steps", "scale", "offset"),
    [
        ([L.Rescaling(1 / 255)], 1 / 255, 0),
        ([lambda x: x / 127.5 - 1], 1 / 127.5, -1),
        ([lambda x: 1 - x / 255], -1 / 255, 1),
        ([lambda x: keras.ops.multiply(2.0, x), lambda x: keras.ops.subtract(x, 1.0)], 2, -1),
        ([keras.applications.mobilenet_v2.preprocess_input], 1 / 127.5, -1),
        ([nested(*AUGMENTATION), L.Rescaling(1 / 255)], 1 / 255, 0),
        ([nested(*AUGMENTATION, L.Rescaling(1 / 127.5, -1))], 1 / 127.5, -1),
        ([L.Resizing(8, 8), L.Dropout(0.1), L.Rescaling(1 / 255)], 1 / 255, 0),
        ([lambda x: L.Add()([x / 255, -x / 510])], 1 / 510, 0),
        ([L.Rescaling(1 / 255), L.Normalization(mean=0.5, variance=0.25)], 2 / 255, -1),
        ([L.Normalization(mean=[100.0, 110, 120], variance=[2500.0] * 3)], 0.02, [-2, -2.2, -2.4]),
    ],
)
def test_layers_and_operations_are_composed(steps, scale, offset):
    read = read_preprocessing(model(*steps))
    assert read.found
    np.testing.assert_allclose(read.scale, np.broadcast_to(scale, 3), rtol=1e-4)
    np.testing.assert_allclose(read.offset, np.broadcast_to(offset, 3), rtol=1e-4, atol=1e-6)


def test_the_order_of_the_channels_may_change():
    """The models of Caffe: blue first, without the mean."""
    caffe = keras.applications.resnet50.preprocess_input
    read = read_preprocessing(model(caffe))
    assert read.found
    np.testing.assert_allclose(-read.offset / read.scale, [123.68, 116.779, 103.939], rtol=1e-3)
    contract = detect_contract(model(caffe))
    assert contract.range == "pixels" and contract.mean[0] == pytest.approx(123.68, rel=1e-3)


@pytest.mark.parametrize(
    "step",
    [
        keras.ops.relu,
        lambda x: keras.ops.clip(x, 0, 255),
        lambda x: keras.ops.mean(x, -1, keepdims=True),
        L.BatchNormalization(),
        L.MaxPooling2D(),
        L.Conv2D(3, 1),
        lambda x: L.Multiply()([x, x]),
    ],
)
def test_what_is_no_affine_function_of_each_pixel_ends_it(step):
    assert not read_preprocessing(model(step)).found
    read = read_preprocessing(model(L.Rescaling(1 / 255), step, L.Rescaling(7.0)))
    np.testing.assert_allclose(read.scale, np.full(3, 1 / 255), rtol=1e-4)


def test_images_without_a_channel_are_read():
    inputs = keras.Input((16, 16, 1))
    x = L.Rescaling(1 / 255)(L.Reshape((16, 16))(inputs))
    read = read_preprocessing(keras.Model(inputs, L.Dense(4)(L.Flatten()(x))))
    assert read.found and read.scale == pytest.approx(1 / 255)


def test_the_step_behind_it_is_that_of_the_features():
    assert isinstance(read_preprocessing(model(L.Rescaling(2.0))).next_step().operation, L.Conv2D)
    branches = model(lambda x: L.Concatenate()([L.Conv2D(2, 3)(x), L.Conv2D(2, 3)(x)]))
    assert read_preprocessing(branches).next_step() is None


def test_the_range_in_front_of_a_nested_backbone_is_that_of_the_whole_teacher():
    """The tutorial on transfer learning: the backbone's batch norm knows -1 to 1 alone."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input(SHAPE)
    x = L.BatchNormalization(momentum=0.0)(L.Conv2D(8, 3, use_bias=False)(inputs))
    backbone = keras.Model(inputs, L.GlobalAveragePooling2D()(L.ReLU()(x)))
    pixels = np.random.default_rng(0).uniform(0, 255, (64, *SHAPE)).astype("float32")
    backbone(pixels / 127.5 - 1, training=True)
    image = keras.Input(SHAPE)
    x = backbone(keras.applications.mobilenet_v2.preprocess_input(image), training=False)
    contract = detect_contract(keras.Model(image, L.Dense(5)(x)))
    assert contract.range == "pixels" and "preprocessing" in contract.source
