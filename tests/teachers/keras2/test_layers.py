"""Layers of Keras 2 become layers of Keras 3, or are refused by name."""

import keras
import pytest

from dfad_tf.teachers.keras2.layers import create_layer, valid_name
from dfad_tf.utils.errors import InputError


def test_settings_of_keras_2_alone_are_dropped_where_they_change_nothing():
    config = {"name": "a/b", "kernel_size": [3, 3], "groups": 1, "dtype": "float32", "fused": None}
    layer = create_layer("DepthwiseConv2D", config)
    assert layer.kernel_size == (3, 3) and layer.name == "a_b"
    assert config["groups"] == 1  # the configuration does not change


@pytest.mark.parametrize("kind", ["BatchNormalization", "BatchNormalizationV1"])
def test_the_axis_of_batch_normalization_is_a_number(kind):
    layer = create_layer(kind, {"axis": [3], "momentum": 0.9, "renorm": False})
    assert layer.axis == 3 and layer.momentum == 0.9
    assert type(layer) is keras.layers.BatchNormalization


@pytest.mark.parametrize(
    ("kind", "config", "attribute", "value"),
    [
        ("LeakyReLU", {"alpha": 0.25}, "negative_slope", 0.25),
        (
            "Dense",
            {"units": 2, "activation": "softmax_v2"},
            "activation",
            keras.activations.softmax,
        ),
        ("Dense", {"units": 2, "activation": "swish"}, "activation", keras.activations.silu),
        (
            "Dense",
            {"units": 2, "activation": {"class_name": "function", "config": "relu6"}},
            "activation",
            keras.activations.relu6,
        ),
        ("ReLU", {"max_value": 6.0, "negative_slope": 0.0, "threshold": 0.0}, "max_value", 6.0),
    ],
)
def test_other_names_are_translated(kind, config, attribute, value):
    assert getattr(create_layer(kind, config), attribute) == value


def test_a_layer_may_be_the_activation_of_another():
    activation = {"class_name": "LeakyReLU", "config": {"alpha": 0.5}}
    layer = create_layer("Dense", {"units": 2, "activation": activation})
    assert layer.activation.negative_slope == 0.5


@pytest.mark.parametrize(
    ("kind", "config", "words"),
    [
        ("MyBlock", {"name": "mine"}, "'mine' of class 'MyBlock'"),
        ("Lambda", {"name": "f"}, "Lambda layer 'f'"),
        (
            "DepthwiseConv2D",
            {"kernel_size": 3, "groups": 2, "name": "d"},
            "groups=2 of the layer 'd'",
        ),
        ("Dense", {"units": 2, "activation": "hard_sigmoid", "name": "h"}, "'hard_sigmoid'.*'h'"),
        ("Dense", {"units": -1, "name": "u"}, "layer 'u'"),
    ],
)
def test_what_cannot_be_the_same_is_refused(kind, config, words):
    with pytest.raises(InputError, match=words):
        create_layer(kind, config)


def test_slashes_leave_names():
    assert valid_name("block/conv/bn") == "block_conv_bn"
