"""Multiply-adds of a model, counted by hand for each kind of layer."""

import keras
import pytest

from dfad_tf.graphs.multiply_adds import multiply_adds
from dfad_tf.synthesis.generators.bilinear_resize import BilinearResize

layers = keras.layers


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (layers.Conv2D(4, 3, strides=2, padding="same"), 4 * 4 * 4 * 2 * 9),
        (layers.DepthwiseConv2D(3, padding="same"), 8 * 8 * 2 * 9),
        (layers.SeparableConv2D(5, 3, padding="same"), 8 * 8 * (2 * 9 + 2 * 5)),
        (layers.Conv2DTranspose(3, 4, strides=2, padding="same"), 8 * 8 * 2 * 3 * 16),
        (layers.Dense(5), 8 * 8 * 2 * 5),
        # Two products: 8 to 6 rows or columns, and then the other side.
        (BilinearResize(6, 4), 6 * 8 * 4 * 2 + 8 * 8 * 4 * 2),
        (layers.BatchNormalization(), 0),
        (layers.MaxPooling2D(), 0),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, layers.Layer) else "",
)
def test_a_layer(layer, expected):
    assert multiply_adds(keras.Sequential([keras.Input((8, 8, 2)), layer])) == expected


def test_the_counts_of_layers_are_added():
    inputs = keras.Input((8, 8, 2))
    x = layers.Conv2D(4, 3, strides=2, padding="same")(inputs)
    x = layers.Dense(5)(layers.Flatten()(x))
    assert multiply_adds(keras.Model(inputs, x)) == 4 * 4 * 4 * 2 * 9 + 4 * 4 * 4 * 5


def test_a_layer_that_is_called_twice_counts_twice():
    inputs = keras.Input((8, 8, 2))
    layer = layers.Conv2D(2, 3, padding="same")
    model = keras.Model(inputs, layer(layer(inputs)))
    assert multiply_adds(model) == 2 * 8 * 8 * 2 * 2 * 9
