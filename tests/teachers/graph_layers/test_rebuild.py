"""A SavedModel as a graph of layers: the same answers, and what only layers offer."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dfad_tf.data.pixel_contract import PixelContract
from dfad_tf.students.narrowing import narrowed
from dfad_tf.teachers.description import describe_teacher
from dfad_tf.teachers.graph_layers import rebuild
from dfad_tf.teachers.graph_layers.rebuild import as_layers
from dfad_tf.teachers.loading import load_teacher
from dfad_tf.teachers.pixel_detection import detect_contract
from dfad_tf.teachers.saved_model_teacher import SavedModelTeacher, load_saved_model
from dfad_tf.teachers.teacher_signals import TeacherSignals
from dfad_tf.utils.errors import InputError

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


SIGNATURE = [tf.TensorSpec((None, 16, 16, 3))]
KERNEL = tf.random.stateless_normal((1, 1, 3, 4), (0, 0))


def saved(path, function, signature=SIGNATURE):
    module = tf.Module()
    module.call = tf.function(function, input_signature=signature, autograph=False)
    tf.saved_model.save(module, str(path), signatures=module.call)
    return str(path)


def scores(images):
    return tf.reduce_mean(tf.nn.conv2d(images / 255, KERNEL, 1, "SAME"), (1, 2), keepdims=True)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: tf.nn.softmax(tf.squeeze(scores(x), (1, 2)) / 0.3),
        lambda x: tf.nn.softmax(tf.squeeze(scores(x), (1, 2)) + [0.1, 0.2, 0.3, 0.4]),
        lambda x: tf.nn.softmax(scores(x)[:, 0, 0]),
        lambda x: tf.nn.softmax(tf.minimum(scores(x)[:, 0, 0], 9.0) + [[0.1, 0.2, 0.3, 0.4]]),
        lambda x: tf.squeeze(tf.nn.softmax(scores(x)), (1, 2)),
    ],
)
def test_a_softmax_is_removed_whatever_lies_before_it(function, tmp_path):
    teacher = load_teacher(saved(tmp_path, function))
    assert describe_teacher(teacher, PixelContract("pixels")).head == "softmax"
    logits = TeacherSignals(teacher)(IMAGES)[0]
    np.testing.assert_allclose(tf.nn.softmax(logits), function(IMAGES), rtol=1e-4)


def test_a_folded_batch_norm_has_no_narrower_student(tmp_path):
    """Its factors are constants of the graph, one for each channel."""

    def function(x):
        x = tf.nn.conv2d(x[:, ::2], KERNEL, 1, "SAME") * [1.0, 2.0, 3.0, 4.0]
        return tf.reduce_mean(tf.nn.relu(x), (1, 2)) @ tf.eye(4)

    teacher = load_teacher(saved(tmp_path, function))
    np.testing.assert_allclose(teacher(IMAGES), function(IMAGES), rtol=1e-4)
    with pytest.raises(InputError, match="to build a narrower one"):
        narrowed(teacher)


def test_operations_and_layers_share_no_name(tmp_path):
    def function(x):
        x = x[:, ::2] * np.full((8, 16, 3), 0.5, "float32")
        for scope in ("multiply", "get_item", "multiply_1", "get_item_1"):
            with tf.name_scope(scope):
                x = tf.nn.relu(x)
        return tf.reduce_mean(x, (1, 2))

    path = saved(tmp_path, function)
    for _ in range(2):  # Keras counts the names that it gives
        teacher = load_teacher(path)
        assert not isinstance(teacher, SavedModelTeacher)
        np.testing.assert_allclose(teacher(IMAGES), function(IMAGES), rtol=1e-4)


def test_each_range_of_pixels_is_compared_by_itself(tmp_path, monkeypatch):
    saved_model = load_saved_model(saved(tmp_path, lambda x: scores(255 * x)[:, 0, 0] @ tf.eye(4)))

    def wrong(images, logits):
        network = rebuild._Rebuilding(images).network(logits)
        small = np.abs(network(IMAGES / 255, training=False)).max()
        shifted = keras.layers.Rescaling(1.0, 0.1 * small)(network.outputs[0])
        return keras.Model(network.inputs[0], shifted)

    assert as_layers(saved_model) is not saved_model
    monkeypatch.setattr(rebuild, "layers_between", wrong)
    assert as_layers(saved_model) is saved_model


@pytest.mark.parametrize("shape", [(None, 16, 16), (None, 16, 16, 3)])
def test_bytes_and_images_without_a_channel(shape, tmp_path):
    def function(x):
        x = tf.reshape(tf.cast(x, tf.float32), (-1, int(np.prod(shape[1:]))))
        return x @ tf.random.stateless_normal((x.shape[1], 2), (0, 1)) / 255

    teacher = load_teacher(saved(tmp_path, function, [tf.TensorSpec(shape, tf.uint8)]))
    assert not isinstance(teacher, SavedModelTeacher)
    assert teacher.input_shape == (None, 16, 16, shape[3] if len(shape) > 3 else 1)
    assert detect_contract(teacher).source.endswith("uint8")
