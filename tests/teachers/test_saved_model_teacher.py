"""A SavedModel can be a teacher: logits, features, gradients and saving."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dfad_tf.distillation.distiller import DataFreeDistiller
from dfad_tf.graphs.multiply_adds import multiply_adds
from dfad_tf.graphs.parameters import trainable_parameters
from dfad_tf.teachers.pixel_detection import detect_contract
from dfad_tf.teachers.saved_model_teacher import load_saved_model
from dfad_tf.teachers.teacher_signals import TeacherSignals
from dfad_tf.utils.errors import InputError
from tests.conftest import small_classifier, small_generator

IMAGES = np.random.default_rng(0).uniform(0, 255, (5, 8, 8, 1)).astype("float32")


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    keras.utils.set_random_seed(0)
    core = small_classifier(batch_norm=True, softmax=True)
    rescaling = keras.layers.Rescaling(1 / 100, offset=-1.27)
    model = keras.Sequential([keras.Input((8, 8, 1)), rescaling, *core.layers])
    path = str(tmp_path_factory.mktemp("teacher") / "saved_model")
    model.export(path, verbose=False)
    return model, path


def gradient(signals):
    images = tf.constant(IMAGES)
    with tf.GradientTape() as tape:
        tape.watch(images)
        logits, features = signals(images)
        value = tf.reduce_sum(logits**2) + tf.reduce_sum(features)
    return tape.gradient(value, images)


def test_it_computes_the_same_as_the_keras_model(exported):
    model, path = exported
    teacher = load_saved_model(path)
    signals, expected = TeacherSignals(teacher), TeacherSignals(model)
    assert signals.softmax_removed and signals.has_features
    for a, b in zip(signals(IMAGES), expected(IMAGES), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    np.testing.assert_allclose(gradient(signals), gradient(expected), atol=1e-5)
    assert not teacher.trainable_variables
    assert multiply_adds(teacher) == multiply_adds(model) > 0
    assert trainable_parameters(teacher) == trainable_parameters(model) > 0


def test_its_preprocessing_is_detected(exported):
    contract = detect_contract(load_saved_model(exported[1]))
    assert contract.range == "pixels"
    np.testing.assert_allclose([contract.mean[0], contract.std[0]], [127.0, 100.0], rtol=1e-4)


@pytest.mark.slow
def test_it_is_saved_with_the_distiller(exported, tmp_path):
    distiller = DataFreeDistiller(
        load_saved_model(exported[1]), small_classifier(), small_generator()
    )
    distiller.compile("adam", "adam", "proposed")
    distiller.fit(batch_size=8, steps_per_epoch=2, verbose=0)
    distiller.save(tmp_path / "distiller.keras")
    again = keras.models.load_model(tmp_path / "distiller.keras")
    np.testing.assert_array_equal(again.teacher(IMAGES), distiller.teacher(IMAGES))


def test_a_tensorflow_module_without_keras(tmp_path):
    class Linear(tf.Module):
        def __init__(self):
            super().__init__()
            self.kernel = tf.Variable(tf.random.normal((64, 4)))

        @tf.function(input_signature=[tf.TensorSpec((None, 8, 8, 1), tf.float32)])
        def __call__(self, images):
            return tf.reshape(images, (-1, 64)) @ self.kernel

    module = Linear()
    tf.saved_model.save(module, str(tmp_path / "plain"))
    teacher = load_saved_model(str(tmp_path / "plain"))
    np.testing.assert_allclose(teacher(IMAGES), module(IMAGES), rtol=1e-5)
    assert teacher.features_name and not teacher.softmax_removed


def save(tmp_path, function, shape, dtype=tf.float32):
    module = tf.Module()
    module.call = tf.function(function, input_signature=[tf.TensorSpec(shape, dtype)])
    tf.saved_model.save(module, str(tmp_path / "odd"), signatures=module.call)
    return str(tmp_path / "odd")


def test_an_image_shape_is_required_where_the_model_states_none(tmp_path):
    path = save(tmp_path, lambda x: tf.reduce_mean(x, (1, 2)), (None, None, None, 3))
    with pytest.raises(InputError, match="`image_shape`"):
        load_saved_model(path)
    assert load_saved_model(path, (8, 8, 3)).input_shape == (None, 8, 8, 3)


def logits_of(images):
    kernel = tf.random.stateless_normal((64, 3), (0, 0))
    return tf.reshape(images, (-1, 64)) / 255.0 @ kernel


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [((None, 8, 8, 1), tf.uint8), ((None, 8, 8), tf.float32), ((None, 8, 8), tf.uint8)],
)
def test_integers_become_floats_and_images_get_a_channel(tmp_path, shape, dtype):
    path = save(tmp_path, lambda x: logits_of(tf.cast(x, tf.float32)), shape, dtype)
    teacher = load_saved_model(path)
    assert teacher.input_shape == (None, 8, 8, 1)
    np.testing.assert_allclose(teacher(IMAGES), logits_of(tf.constant(IMAGES)), rtol=1e-4)
    # The gradient is that of the float images: nothing rounds them.
    images = tf.constant(IMAGES)
    with tf.GradientTape() as tape:
        tape.watch(images)
        value = teacher(images)[:, 0]
    kernel = tf.random.stateless_normal((64, 3), (0, 0))[:, 0] / 255.0
    found = tf.reshape(tape.gradient(value, images), (5, 64))
    np.testing.assert_allclose(found, tf.broadcast_to(kernel, (5, 64)), rtol=1e-4)
    contract = detect_contract(teacher)
    assert contract.range == "pixels"
    teacher.save(tmp_path / "teacher.keras")
    again = keras.models.load_model(tmp_path / "teacher.keras")
    np.testing.assert_allclose(again(IMAGES), teacher(IMAGES), rtol=1e-5)


@pytest.mark.parametrize(
    ("function", "shape", "dtype", "message"),
    [
        (lambda x: tf.cast(x // 2, tf.float32)[:, 0, 0], (None, 8, 8, 3), tf.uint8, "uint8"),
        (lambda x: x, (None, 8, 8, 3), tf.float32, r"outputs \(batch, classes\)"),
        (lambda x: {"a": x[:, 0, 0], "b": x[:, 0, 0]}, (None, 8, 8, 3), tf.float32, "one output"),
    ],
)
def test_other_models_are_rejected(tmp_path, function, shape, dtype, message):
    with pytest.raises(InputError, match=message):
        load_saved_model(save(tmp_path, function, shape, dtype))
