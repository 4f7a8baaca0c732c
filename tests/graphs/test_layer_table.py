"""The table of layer knowledge: each property holds for the layers that have it."""

import inspect

import keras
import numpy as np
import pytest

from dfad_tf.compute.fast_layers import FusedBatchNormalization, ProductGradientConv2D
from dfad_tf.graphs.layer_outputs import group_ends
from dfad_tf.graphs.layer_table import TABLE, LayerKind, fast_form, is_softmax, kind_of
from dfad_tf.students.inheritance import inherit_weights
from tests.conftest import same, weights

layers = keras.layers
IMAGES = np.random.default_rng(0).uniform(20, 200, (4, 12, 12, 3)).astype("float32")
ARGUMENTS = {
    layers.Activation: ("relu6",),
    layers.ReLU: (6.0,),
    layers.Reshape: ((9, 16, 3),),
    layers.MaxPooling2D: (2,),
    layers.AveragePooling2D: (2,),
    layers.Resizing: (12, 12),
    layers.CenterCrop: (10, 10),
    layers.RandomCrop: (10, 10),
    layers.RandomShear: (0.5, 0.5),
    layers.RandomTranslation: (0.5, 0.5),
    layers.RandomPosterization: (4,),
    layers.SpatialDropout2D: (0.5,),
    layers.Rescaling: (0.5,),
}


def create(kind):
    """A layer of a kind, with arguments that make it change images in training mode."""
    needed = [
        parameter
        for parameter in list(inspect.signature(kind.__init__).parameters.values())[1:]
        if parameter.default is parameter.empty
        and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    ]
    return kind(*ARGUMENTS.get(kind, (0.5,) * len(needed)))


def rows(name):
    """The kinds of layers with a property."""
    return sorted((kind for kind, row in TABLE.items() if getattr(row, name)), key=str)


def named(*kinds):
    return {getattr(layers, name) for name in kinds}


def test_the_layers_of_0_5_0_have_the_properties_of_its_lists():
    assert set(rows("has_kernel")) >= named("Conv2D", "Dense")
    assert set(rows("skipped_behind_logits")) >= named(
        "Activation", "Softmax", "Dropout", "Flatten", "Reshape", "GlobalAveragePooling2D",
        "GlobalMaxPooling2D", "AveragePooling2D",
    )  # fmt: skip
    assert set(rows("head_continues")) == named(
        "Activation", "Flatten", "GlobalAveragePooling2D", "Reshape", "Softmax"
    )
    assert set(rows("inherited_by_width")) == named("Conv2D", "Dense")
    assert set(rows("preprocessing")) == named("Rescaling", "Normalization")
    assert set(rows("same_for_any_width")) >= named(
        "MaxPooling2D", "AveragePooling2D", "GlobalAveragePooling2D", "ZeroPadding2D", "Flatten",
        "ReLU", "Activation", "Dropout",
    )  # fmt: skip
    assert set(rows("ends_no_group")) >= named(
        "InputLayer", "MaxPooling2D", "AveragePooling2D", "GlobalAveragePooling2D",
        "GlobalMaxPooling2D", "ZeroPadding2D", "Normalization", "Rescaling", "Dropout", "Reshape",
    )  # fmt: skip
    assert set(rows("keeps_pixel_values")) >= named(
        "InputLayer", "Dropout", "ZeroPadding2D", "Resizing", "RandomFlip", "RandomTranslation",
        "RandomRotation", "RandomZoom", "RandomCrop", "RandomContrast", "RandomBrightness",
    )  # fmt: skip
    assert set(rows("fast_form")) == named("BatchNormalization", "Conv2D")


def test_a_subclass_has_the_row_of_its_parent_but_not_the_fast_form():
    class OwnConv2D(layers.Conv2D):
        pass

    layer = OwnConv2D(2, 3)
    assert kind_of(layer).has_kernel and kind_of(layer).inherited_by_width
    assert fast_form(layer) is OwnConv2D
    assert fast_form(layers.Conv2D(2, 3)) is ProductGradientConv2D
    assert fast_form(layers.BatchNormalization()) is FusedBatchNormalization
    assert fast_form(layers.DepthwiseConv2D(3)) is layers.DepthwiseConv2D
    assert kind_of(layers.SpatialDropout1D(0.5)) == kind_of(layers.Dropout(0.5))


def test_an_unknown_layer_a_model_and_an_operation_have_no_property():
    operation = keras.ops.add(keras.Input((3,)), 1.0)._keras_history.operation
    for thing in (layers.Layer(), layers.Permute((1,)), keras.Sequential(), operation):
        assert kind_of(thing) == LayerKind()


def test_a_softmax_is_a_layer_or_an_activation():
    assert is_softmax(layers.Softmax()) and is_softmax(layers.Activation("softmax"))
    assert not is_softmax(layers.Activation("relu"))
    assert not is_softmax(layers.Dense(3, activation="softmax"))


@pytest.mark.parametrize("kind", rows("identity_in_inference"))
def test_the_identity_in_inference(kind):
    layer = create(kind)
    np.testing.assert_array_equal(layer(IMAGES, training=False), IMAGES)
    assert not np.array_equal(layer(IMAGES, training=True), IMAGES)


@pytest.mark.parametrize("kind", [k for k in rows("keeps_pixel_values") if k != layers.InputLayer])
def test_pixel_values_are_kept_in_inference(kind):
    outputs = np.asarray(create(kind)(IMAGES, training=False))
    inside = outputs[:, 2:10, 2:10] if outputs.shape == IMAGES.shape else outputs
    assert set(np.unique(inside)) <= {0.0, *np.unique(IMAGES)}


@pytest.mark.parametrize("kind", rows("same_for_any_width"))
def test_a_layer_that_is_the_same_for_any_width_has_no_weights_and_treats_channels_alike(kind):
    layer = create(kind)
    outputs = np.asarray(layer(IMAGES, training=False))
    assert not layer.weights
    swapped = np.asarray(layer(IMAGES[..., [2, 0, 1]], training=False))
    if kind is layers.Flatten:
        outputs, swapped = (array.reshape(IMAGES.shape) for array in (outputs, swapped))
    np.testing.assert_array_equal(swapped, outputs[..., [2, 0, 1]])


def chain(width, *between):
    """Two convolutions with layers between them, and a dense head."""
    return keras.Sequential(
        [
            keras.Input((12, 12, 3)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(width, 3),
            *between,
            *([] if between and isinstance(between[0], layers.Flatten) else [layers.Flatten()]),
            layers.Dense(3),
        ]
    )


@pytest.mark.slow
@pytest.mark.parametrize("kind", rows("same_for_any_width"))
def test_weights_are_inherited_through_a_layer_that_is_the_same_for_any_width(kind):
    if kind in (layers.GlobalAveragePooling2D, layers.GlobalMaxPooling2D):
        images = np.random.default_rng(1).uniform(0, 255, (400, 12, 12, 3)).astype("float32")
    else:
        images = np.random.default_rng(1).uniform(0, 255, (40, 12, 12, 3)).astype("float32")
    teacher, student = chain(4, create(kind)), chain(4, create(kind))
    gap = np.abs(teacher.predict(images, verbose=0) - student.predict(images, verbose=0)).max()
    assert gap > 0.05
    assert inherit_weights(teacher, student, images)
    answers = [network.predict(images, verbose=0) for network in (teacher, student)]
    np.testing.assert_allclose(*answers, atol=2e-3)


@pytest.mark.parametrize(
    "layer",
    [
        lambda: layers.DepthwiseConv2D(3, depth_multiplier=2),
        lambda: layers.SeparableConv2D(4, 3),
        lambda: layers.PReLU(),
        lambda: layers.Softmax(),
        lambda: layers.Reshape((10, 10, 4)),
    ],
)
def test_weights_are_not_inherited_through_other_layers(layer):
    teacher, student = chain(4, layer()), chain(4, layer())
    before = weights(student)
    assert not inherit_weights(teacher, student, IMAGES)
    assert same(before, weights(student))


@pytest.mark.parametrize(
    "kind", [k for k in rows("ends_no_group") if "Global" not in k.__name__]
)  # a global pooling has no feature map
def test_a_layer_that_ends_no_group_is_no_group_end(kind):
    inputs = keras.Input((12, 12, 3))
    x = layers.Conv2D(3, 3, padding="same", name="first")(inputs)
    if kind is not layers.InputLayer:
        x = create(kind)(x)
    x = layers.Conv2D(4, 5, name="last")(x)
    network = keras.Model(inputs, layers.Dense(3)(layers.Flatten()(x)))
    assert group_ends(network) == ["first", "last"]


def test_groups_of_mobile_networks_end_with_their_activations():
    inputs = keras.Input((12, 12, 3))
    x = layers.RandomFlip()(layers.GaussianNoise(0.1)(inputs))
    ends = []
    for count, name in enumerate(("relu6", "hard_swish", "silu"), 1):
        x = layers.DepthwiseConv2D(3, strides=2, padding="same")(x)
        x = layers.BatchNormalization()(layers.Conv2D(4 * count, 1)(x))
        x = layers.SpatialDropout2D(0.1)(layers.Activation(name, name=name)(x))
        ends.append(name)
    network = keras.Model(inputs, layers.Dense(3)(layers.GlobalAveragePooling2D()(x)))
    assert group_ends(network) == ends
