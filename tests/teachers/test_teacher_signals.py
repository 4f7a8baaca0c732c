"""Logits and penultimate features, with every form of head."""

import keras
import numpy as np
import pytest

from dfad_tf.teachers.teacher_signals import TeacherSignals
from dfad_tf.utils.errors import InputError
from tests.conftest import small_classifier, weights

IMAGES = np.random.default_rng(0).normal(size=(5, 8, 8, 1)).astype("float32")


def softmax(x):
    e = np.exp(x - np.max(x, -1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def hidden(model, images):
    return np.asarray(keras.Model(model.inputs[0], model.get_layer("hidden").output)(images))


def test_logits_and_the_input_of_the_last_dense_layer():
    model = small_classifier()
    signals = TeacherSignals(model)
    logits, features = signals(IMAGES)
    np.testing.assert_array_equal(logits, model(IMAGES))
    np.testing.assert_array_equal(features, hidden(model, IMAGES))
    assert signals.features_name == "hidden" and not signals.softmax_removed


def heads():
    plain = small_classifier(softmax=True)
    yield "activation of the dense layer", plain
    base = small_classifier()
    yield "softmax layer", keras.Sequential([*base.layers, keras.layers.Softmax()])
    base = small_classifier()
    activation = keras.layers.Activation("softmax")
    yield "activation layer", keras.Sequential([*base.layers, activation])
    inputs = keras.Input((8, 8, 1))
    yield "nested", keras.Model(inputs, small_classifier(softmax=True)(inputs))


@pytest.mark.parametrize(("name", "model"), heads(), ids=lambda value: str(value)[:30])
def test_a_softmax_is_removed(name, model):
    if not model.built:
        model.build((None, 8, 8, 1))
    before = weights(model)
    signals = TeacherSignals(model)
    logits, features = signals(IMAGES)
    assert signals.softmax_removed and features.shape == (5, 8)
    np.testing.assert_allclose(softmax(np.asarray(logits)), model(IMAGES), atol=1e-6)
    assert all(np.array_equal(a, b) for a, b in zip(before, weights(model), strict=True))


def test_a_convolutional_head():
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(6, 3, activation="relu", name="body"),
            keras.layers.Conv2D(3, 1),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Softmax(),
        ]
    )
    signals = TeacherSignals(model)
    logits, features = signals(IMAGES)
    np.testing.assert_allclose(softmax(np.asarray(logits)), model(IMAGES), atol=1e-6)
    assert features.shape == (5, 6, 6, 6) and signals.features_name == "body"


@pytest.mark.parametrize(
    "behind",
    [
        keras.layers.Dropout(0.5),
        keras.layers.AlphaDropout(0.5),
        keras.layers.GaussianDropout(0.5),
        keras.layers.GaussianNoise(0.5),
        keras.layers.ReLU(max_value=6.0),
        keras.layers.LeakyReLU(),
        keras.layers.ELU(),
        keras.layers.PReLU(alpha_initializer=keras.initializers.Constant(0.3)),
        keras.layers.Activation("hard_swish"),
        keras.layers.Reshape((3,)),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_layers_behind_the_head_are_skipped(behind):
    x = inputs = keras.Input((8, 8, 1))
    for layer in [*small_classifier().layers, behind]:
        x = layer(x)
    model = keras.Model(inputs, x)
    signals = TeacherSignals(model)
    logits, features = signals(IMAGES)
    np.testing.assert_array_equal(logits, model(IMAGES, training=False))
    flat = model.layers[1](IMAGES)
    for layer in model.layers[2:-2]:
        flat = layer(flat)
    np.testing.assert_array_equal(features, flat)
    assert signals.features_name == "hidden"


def mobile(*head):
    """A network of the layers of mobile networks, with feature maps of 6 × 6 before its head."""
    body = [
        keras.layers.DepthwiseConv2D(3),
        keras.layers.Conv2D(3, 1),
        keras.layers.BatchNormalization(),
        keras.layers.ReLU(max_value=6.0, name="body"),
    ]
    model = keras.Sequential([keras.Input((8, 8, 1)), *body, *head])
    return model, keras.Model(model.inputs[0], model.get_layer("body").output)(IMAGES)


@pytest.mark.parametrize(
    "head",
    [
        lambda: [keras.layers.SeparableConv2D(3, 3)],
        lambda: [keras.layers.SpatialDropout2D(0.5), keras.layers.Conv2D(3, 1)],
        lambda: [keras.layers.Conv2D(3, 1), keras.layers.SpatialDropout2D(0.5)],
        lambda: [keras.layers.Conv2D(3, 1), keras.layers.ReLU(6.0)],
        lambda: [keras.layers.DepthwiseConv2D(6)],
    ],
    ids=["separable", "dropout in front", "dropout behind", "relu6", "depthwise"],
)
def test_convolutional_heads_of_mobile_networks(head):
    model, body = mobile(*head(), keras.layers.GlobalMaxPooling2D())
    signals = TeacherSignals(model)
    logits, features = signals(IMAGES)
    np.testing.assert_array_equal(logits, model(IMAGES))
    np.testing.assert_array_equal(features, body)
    assert not signals.softmax_removed


@pytest.mark.parametrize("kind", [keras.layers.SeparableConv2D, keras.layers.DepthwiseConv2D])
def test_the_softmax_of_a_depthwise_or_separable_head_is_removed(kind):
    arguments = (3, 6) if kind is keras.layers.SeparableConv2D else (6,)
    model, body = mobile(kind(*arguments, activation="softmax"), keras.layers.Flatten())
    signals = TeacherSignals(model)
    logits, features = signals(IMAGES)
    assert signals.softmax_removed
    np.testing.assert_allclose(softmax(np.asarray(logits)), model(IMAGES), atol=1e-6)
    np.testing.assert_array_equal(features, body)


def test_features_of_a_layer_by_name():
    model = small_classifier(batch_norm=True)
    name = model.layers[0].name
    _, features = TeacherSignals(model, name)(IMAGES)
    np.testing.assert_array_equal(features, model.layers[0](IMAGES))


def test_a_teacher_that_is_not_a_graph_has_no_features():
    class Plain(keras.Model):
        def __init__(self):
            super().__init__()
            self.core = small_classifier()

        def call(self, inputs, training=False):
            return self.core(inputs)

    model = Plain()
    signals = TeacherSignals(model)
    logits, features = signals(IMAGES)
    assert features is None and not signals.has_features
    np.testing.assert_array_equal(logits, model(IMAGES))
    with pytest.raises(InputError, match="`features`.*'hidden' of a Plain"):
        TeacherSignals(model, "hidden")


def test_an_unknown_layer_is_an_error():
    with pytest.raises(InputError, match="`features`.*hidden, head.*'hiden'"):
        TeacherSignals(small_classifier(), "hiden")
