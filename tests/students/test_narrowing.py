"""A narrower copy of a teacher's architecture, and its start from the teacher's filters."""

import keras
import numpy as np
import pytest

from dfad_tf import models
from dfad_tf.graphs.multiply_adds import multiply_adds
from dfad_tf.students.graph_width_inheritance import inherit_channels
from dfad_tf.students.inheritance import inherit_weights
from dfad_tf.students.narrowing import narrowed
from dfad_tf.students.pairing import NotPairedError
from dfad_tf.utils.errors import InputError

layers = keras.layers
IMAGES = np.random.default_rng(0).normal(size=(64, 16, 16, 3)).astype("f4")


def block(x, filters, strides=1):
    y = layers.Conv2D(filters, 3, strides=strides, padding="same", use_bias=False)(x)
    y = layers.ReLU()(layers.BatchNormalization()(y))
    y = layers.BatchNormalization()(layers.Conv2D(filters, 3, padding="same", use_bias=False)(y))
    if strides > 1 or x.shape[-1] != filters:
        x = layers.BatchNormalization()(layers.Conv2D(filters, 1, strides=strides)(x))
    return layers.ReLU()(layers.Add()([x, y]))


def residual(nested=False, softmax=True):
    inputs = keras.Input((16, 16, 3))
    x = layers.Rescaling(0.5)(inputs)
    x = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(8, 3, padding="same")(x)))
    x = block(block(x, 8), 12, 2)
    if nested:
        core = keras.Model(inputs, x)
        outside = keras.Input((16, 16, 3))
        inputs, x = outside, core(outside)
    x = layers.Dropout(0.3)(layers.GlobalAveragePooling2D()(x))
    activation = "softmax" if softmax else None
    return keras.Model(inputs, layers.Dense(5, activation=activation, name="head")(x))


def mobile():
    return keras.applications.MobileNetV2((32, 32, 3), alpha=0.35, weights=None, classes=4)


def mobile_v1():
    return keras.applications.MobileNet((32, 32, 3), alpha=0.5, weights=None, classes=4)


def efficient():
    return keras.applications.EfficientNetB0(input_shape=(32, 32, 3), weights=None, classes=4)


def plain():
    return keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(16, 3, use_bias=False),
            layers.BatchNormalization(),
            layers.Activation("relu"),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(20, activation="relu"),
            layers.Dense(5),
            layers.Softmax(),
        ]
    )


def settled(network):
    """The same network with statistics and weights as after some training."""
    random = np.random.default_rng(1)
    for layer in network._flatten_layers():
        if isinstance(layer, layers.BatchNormalization):
            layer.set_weights([random.uniform(0.5, 1.5, w.shape) for w in layer.get_weights()])
    return network


@pytest.mark.parametrize(
    "build", [residual, lambda: residual(nested=True), plain, mobile, mobile_v1, efficient]
)
def test_a_copy_has_half_of_the_filters_and_returns_logits(build):
    teacher = build()
    teacher.trainable = False
    student = narrowed(teacher)
    trained = [layer for layer in student.layers if layer.trainable_variables]
    learning = [
        layer
        for layer in student.layers
        if layer.weights and not isinstance(layer, layers.Normalization)
    ]
    assert len(trained) == len(learning)
    assert student.input_shape == teacher.input_shape
    assert student.output_shape == teacher.output_shape
    assert student.count_params() < 0.45 * teacher.count_params()
    assert multiply_adds(student) < 0.45 * multiply_adds(teacher)
    outputs = student(np.zeros((2, *student.input_shape[1:]), "f4")).numpy()
    assert not np.allclose(outputs.sum(-1), 1.0)


@pytest.mark.parametrize("build", [residual, lambda: residual(nested=True), plain])
def test_a_student_with_all_filters_computes_what_its_teacher_computes(build):
    teacher = settled(build())
    flat = narrowed(teacher, rate=1.0)
    how = inherit_channels(teacher, flat, IMAGES)
    assert how.startswith("100 %")
    probabilities = keras.ops.softmax(flat(IMAGES))
    np.testing.assert_allclose(probabilities, teacher(IMAGES), atol=1e-4)


@pytest.mark.parametrize("build", [residual, plain])
def test_superfluous_filters_can_be_left_out_without_a_loss(build):
    """Each filter of the teacher is there twice: half of them span all."""
    half = settled(build())
    teacher = narrowed(half, rate=2.0)
    for layer, source in zip(
        [layer for layer in teacher.layers if layer.weights],
        [layer for layer in half.layers if layer.weights],
        strict=True,
    ):
        layer.set_weights(
            [
                twice(a, b.shape)
                for a, b in zip(source.get_weights(), layer.get_weights(), strict=True)
            ]
        )
    np.testing.assert_allclose(keras.ops.softmax(teacher(IMAGES)), half(IMAGES), atol=1e-4)
    student = narrowed(teacher)
    inherit_channels(teacher, student, IMAGES)
    np.testing.assert_allclose(student(IMAGES), teacher(IMAGES), atol=2e-3)


def twice(weight, shape):
    """A weight with each filter twice, and half as much from each of its inputs."""
    if weight.ndim == 1:
        return weight if weight.shape == shape else np.repeat(weight, 2)
    if weight.shape[-1] != shape[-1]:
        weight = np.repeat(weight, 2, axis=-1)
    if weight.shape[-2] != shape[-2]:
        weight = np.repeat(weight, 2, axis=-2) / 2
    return weight


@pytest.mark.parametrize("build", [mobile, mobile_v1, efficient])
def test_a_mobile_network_inherits_through_depthwise_convolutions(build):
    teacher = settled(build())
    images = np.random.default_rng(0).normal(size=(32, 32, 32, 3)).astype("f4")
    student = narrowed(teacher, rate=0.9)
    result = inherit_weights(teacher, student, images)
    assert result and "of the teacher's filters" in result.start


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_a_student_that_prepares_pixels_in_another_form_inherits(padding):
    def build(*preprocessing):
        inputs = x = keras.Input((16, 16, 3))
        for layer in preprocessing:
            x = layer(x)
        x = layers.Conv2D(8, 3, padding=padding)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
        y = layers.ReLU()(layers.DepthwiseConv2D(3, padding="same")(x))
        x = layers.Conv2D(8, 1)(layers.Add()([x, y]))
        return keras.Model(inputs, layers.Dense(5)(layers.GlobalAveragePooling2D()(x)))

    teacher = settled(build(layers.Rescaling(1 / 127.5, offset=-1)))
    student = build(layers.Normalization(mean=[120.0, 110, 100], variance=[3600.0, 900, 2500]))
    images = np.random.default_rng(0).uniform(0, 255, (32, 16, 16, 3)).astype("f4")
    assert inherit_channels(teacher, student, images).startswith("100 %")
    difference = np.abs(student(images) - teacher(images)).max()
    # Padding by zeros is gray to one and black to the other.
    assert difference < (1e-3 if padding == "valid" else 0.5)
    bare = build(layers.Cropping2D(0))
    assert inherit_channels(teacher, bare, images).startswith("100 %")


def test_networks_that_do_not_pair_stay_as_they_are():
    teacher = residual()
    for student in (plain(), models.build("resnet20", (16, 16, 3), 5), narrowed(residual(), 2.0)):
        before = student.get_weights()
        with pytest.raises(NotPairedError):
            inherit_channels(teacher, student, lambda: pytest.fail("images were drawn"))
        assert all(np.array_equal(a, b) for a, b in zip(before, student.get_weights(), strict=True))


def test_teachers_that_cannot_be_narrowed_are_named():
    inputs = keras.Input((16, 16, 3))
    x = layers.Conv2D(8, 3)(inputs)
    joined = layers.Concatenate()([x, x])
    with pytest.raises(InputError, match="concatenate.* may mix channels"):
        narrowed(keras.Model(inputs, layers.Dense(2)(layers.GlobalMaxPooling2D()(joined))))
    grouped = layers.Conv2D(8, 3, groups=2, name="grouped")(x)
    with pytest.raises(InputError, match="grouped is a convolution in groups"):
        narrowed(keras.Model(inputs, layers.Dense(2)(layers.GlobalMaxPooling2D()(grouped))))

    class Own(keras.Model):
        def call(self, inputs):
            return inputs

    with pytest.raises(InputError, match="Received: Own"):
        narrowed(Own())


def test_a_rescaling_of_each_channel_behind_a_kernel_is_refused():
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Rescaling([1 / 255])(inputs)
    x = keras.layers.Rescaling([1.0, 2.0, 3.0, 4.0])(keras.layers.Conv2D(4, 3)(x))
    teacher = keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Flatten()(x)))
    with pytest.raises(InputError, match="rescaling.* may mix channels"):
        narrowed(teacher)
