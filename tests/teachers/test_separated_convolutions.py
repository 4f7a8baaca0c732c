"""Separable convolutions become two layers that can be narrowed, with the same answers."""

import keras
import numpy as np
import pytest

from dfad_tf.students.inheritance import inherit_weights
from dfad_tf.students.narrowing import narrowed
from dfad_tf.teachers.loading import load_teacher
from dfad_tf.teachers.separated_convolutions import with_separated_convolutions
from tests.conftest import small_classifier

IMAGES = np.random.default_rng(0).normal(0, 1, (64, 12, 12, 3)).astype("float32")
layers = keras.layers


def separable(**arguments):
    keras.utils.set_random_seed(0)
    shared = layers.SeparableConv2D(6, 3, padding="same", activation="relu", name="shared")
    inputs = keras.Input((12, 12, 3))
    x = layers.SeparableConv2D(6, 3, **arguments)(inputs)
    x = layers.BatchNormalization()(shared(shared(x)))
    return keras.Model(inputs, layers.Dense(4)(layers.GlobalAveragePooling2D()(x)))


@pytest.mark.parametrize(
    "arguments",
    [
        {"use_bias": False, "strides": 2, "padding": "same"},
        {"depth_multiplier": 2, "dilation_rate": 2, "bias_initializer": "normal"},
        {"depth_multiplier": 1, "activation": "tanh", "bias_initializer": "normal"},
    ],
)
def test_the_answers_are_the_same(arguments):
    teacher = separable(**arguments)
    network = with_separated_convolutions(teacher)
    assert not any(isinstance(layer, layers.SeparableConv2D) for layer in network.layers)
    np.testing.assert_allclose(network(IMAGES), teacher(IMAGES), rtol=1e-5, atol=1e-6)
    assert network.count_params() == teacher.count_params()


def test_its_student_has_the_same_architecture_and_inherits(tmp_path):
    inputs = keras.Input((12, 12, 3))
    x = layers.ReLU()(layers.BatchNormalization()(layers.SeparableConv2D(8, 3)(inputs)))
    x = layers.Dense(4)(layers.GlobalAveragePooling2D()(x))
    keras.Model(inputs, x).save(tmp_path / "teacher.keras")
    teacher = load_teacher(str(tmp_path / "teacher.keras"))
    student = narrowed(teacher)
    assert [layer.output.shape[-1] for layer in student.layers] == [3, 3, 4, 4, 4, 4, 4]
    assert inherit_weights(teacher, student, IMAGES).inherited


def test_other_teachers_stay_as_they_are():
    teacher = small_classifier()
    assert with_separated_convolutions(teacher) is teacher


def test_a_name_that_is_taken_leaves_the_teacher_as_it_is():
    entrance = [keras.Input((12, 12, 3)), layers.SeparableConv2D(4, 3, name="block")]
    teacher = keras.Sequential([*entrance, layers.ReLU(name="block_depthwise")])
    assert with_separated_convolutions(teacher) is teacher


def test_the_dtype_policy_stays():
    inputs = keras.Input((12, 12, 3))
    teacher = keras.Model(inputs, layers.SeparableConv2D(4, 3, dtype="mixed_float16")(inputs))
    network = with_separated_convolutions(teacher)
    assert {each.dtype_policy.name for each in network.layers[1:]} == {"mixed_float16"}
