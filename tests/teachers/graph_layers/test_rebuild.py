"""A SavedModel as a graph of layers: the same answers, and what only layers offer."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dfad_tf.students.narrowing import narrowed
from dfad_tf.teachers.graph_layers import rebuild
from dfad_tf.teachers.graph_layers.rebuild import as_layers
from dfad_tf.teachers.loading import load_teacher
from dfad_tf.teachers.saved_model_teacher import SavedModelTeacher, load_saved_model
from dfad_tf.teachers.teacher_signals import TeacherSignals

IMAGES = np.random.default_rng(0).uniform(0, 255, (5, 16, 16, 3)).astype("float32")
layers = keras.layers


def residual(classes=4, activation="softmax"):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((16, 16, 3))
    x = layers.Rescaling(1 / 127.5, -1)(inputs)
    x = layers.Conv2D(8, 3, padding="same", use_bias=False)(x)
    x = first = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.DepthwiseConv2D(3, padding="same")(x)
    x = layers.Conv2D(8, 1, activation="silu")(x)
    x = layers.Add()([first, layers.BatchNormalization(scale=False)(x)])
    x = layers.Dropout(0.5)(layers.MaxPooling2D()(x))
    x = layers.Dense(classes, activation=activation)(layers.GlobalAveragePooling2D()(x))
    model = keras.Model(inputs, x)
    random = np.random.default_rng(1)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.set_weights([w + random.uniform(0, 0.5, w.shape) for w in layer.get_weights()])
    return model


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    model, path = residual(), str(tmp_path_factory.mktemp("saved"))
    model.export(path, verbose=False)
    return model, path


def test_it_answers_as_the_exported_network_does(exported):
    model, path = exported
    teacher = load_teacher(path)
    assert not isinstance(teacher, SavedModelTeacher) and not teacher.trainable_variables
    np.testing.assert_allclose(teacher(IMAGES), model(IMAGES, training=False), atol=1e-6)
    assert teacher.count_params() == model.count_params()
    signals, expected = TeacherSignals(teacher), TeacherSignals(model)
    assert signals.softmax_removed
    for found, wanted in zip(signals(IMAGES), expected(IMAGES), strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_it_has_batch_normalizations_and_a_narrower_student(exported):
    model, path = exported
    teacher = load_teacher(path)
    kind = layers.BatchNormalization
    found, wanted = (
        [layer.get_weights() for layer in each.layers if isinstance(layer, kind)]
        for each in (teacher, model)
    )
    assert len(found) == 2
    for one, other in zip(found, wanted, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)
    assert narrowed(teacher).count_params() == narrowed(model).count_params()


def test_a_graph_with_an_operation_without_a_layer_stays_one(tmp_path):
    kernel = tf.random.stateless_normal((8, 3), (0, 0))

    @tf.function(input_signature=[tf.TensorSpec((None, 8, 8, 1))])
    def call(images):
        return tf.math.cumsum(tf.reduce_mean(images, (2, 3)), 1) @ kernel

    module = tf.Module()
    module.call = call
    tf.saved_model.save(module, str(tmp_path), signatures=call)
    teacher = load_teacher(str(tmp_path))
    assert isinstance(teacher, SavedModelTeacher)
    images = tf.constant(IMAGES[:, :8, :8, :1])
    np.testing.assert_allclose(teacher(images), call(images), rtol=1e-5)


def test_a_graph_whose_layers_answer_otherwise_stays_one(exported, monkeypatch):
    saved = load_saved_model(exported[1])

    def wrong(images, logits):
        network = rebuild._Rebuilding(images).network(logits)
        kernel = network.layers[-1]
        kernel.set_weights([1.01 * weight for weight in kernel.get_weights()])
        return network

    assert as_layers(saved) is not saved
    monkeypatch.setattr(rebuild, "layers_between", wrong)
    assert as_layers(saved) is saved


def test_one_sigmoid_becomes_two_classes(tmp_path):
    model = residual(1, "sigmoid")
    model.export(tmp_path / "saved", verbose=False)
    teacher = load_teacher(str(tmp_path / "saved"))
    assert not isinstance(teacher, SavedModelTeacher)
    found = tf.nn.softmax(teacher(IMAGES))[:, 1:]
    np.testing.assert_allclose(found, model(IMAGES, training=False), atol=1e-5)


def test_equal_scopes_get_different_names():
    @tf.function(input_signature=[tf.TensorSpec((None, 8, 8, 1))])
    def call(images):
        with tf.name_scope("block"):
            return tf.nn.tanh(tf.nn.relu(images))

    concrete = call.get_concrete_function()
    network = rebuild.layers_between(concrete.inputs[0], concrete.outputs[0])
    assert [layer.name for layer in network.layers] == ["image", "block", "block_2"]
