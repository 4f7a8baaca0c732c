"""Classifiers have the published sizes and behave as Keras models."""

import keras
import numpy as np
import pytest

from dfad_tf import models
from dfad_tf.graphs.multiply_adds import multiply_adds
from dfad_tf.graphs.parameters import trainable_parameters
from dfad_tf.students import compact
from dfad_tf.utils.errors import InputError

COUNTS = {
    "lenet5": ((32, 32, 1), 61_706, 416_520),
    "lenet5_half": ((32, 32, 1), 15_738, 133_740),
    "resnet34": ((32, 32, 3), 21_282_122, 1_159_402_496),
    "resnet18": ((32, 32, 3), 11_173_962, 555_422_720),
    "resnet20": ((32, 32, 3), 269_722, 40_551_040),
    "resnet56": ((32, 32, 3), 853_018, 125_485_696),
    "wrn_40_2": ((32, 32, 3), 2_243_546, 327_599_360),
    "wrn_40_1": ((32, 32, 3), 563_930, 83_280_512),
    "wrn_16_2": ((32, 32, 3), 691_674, 101_106_944),
    "wrn_16_1": ((32, 32, 3), 175_066, 26_657_408),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", COUNTS)
def test_parameters_and_multiply_adds_equal_the_published_numbers(name):
    shape, parameters, macs = COUNTS[name]
    model = models.build(name, shape, 10)
    assert trainable_parameters(model) == parameters
    assert multiply_adds(model) == macs


@pytest.mark.parametrize("name", ["resnet18", "wrn_16_1", "compact_8", "resnet20"])
def test_batch_normalization_has_the_arguments_of_the_papers(name):
    norms = [
        layer
        for layer in models.build(name, (16, 16, 3), 10).layers
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    assert norms
    assert {(layer.momentum, layer.epsilon) for layer in norms} == {(0.9, 1e-5)}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lenet5_half", "resnet20", "wrn_16_1", "compact_4", "mlp"])
def test_a_reloaded_model_has_the_same_outputs(name, tmp_path):
    model = models.build(name, (32, 32, 1), 4, [33.0], [78.0])
    images = np.random.default_rng(0).uniform(0, 255, (3, 32, 32, 1))
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        model.predict(images, verbose=0), again.predict(images, verbose=0)
    )


def test_the_preprocessing_is_inside_the_network():
    raw = models.build("mlp", (2,), 3, [10.0, 20.0], [2.0, 4.0])
    plain = models.build("mlp", (2,), 3)
    plain.set_weights([w for w in raw.get_weights() if w.shape != ()][-len(plain.get_weights()) :])
    np.testing.assert_allclose(
        raw(np.array([[12.0, 12.0]])), plain(np.array([[1.0, -2.0]])), rtol=1e-5
    )


@pytest.mark.parametrize("shape", [(8, 8, 1), (9, 30, 4), (64, 48, 3), (130, 96, 3)])
def test_compact_students_accept_any_shape(shape):
    teacher = models.build("resnet56", shape, 7)
    student = models.build(compact.compact_name(teacher), shape, 7)
    assert student.output_shape == (None, 7)
    assert student.count_params() * 3 <= teacher.count_params()
    assert multiply_adds(student) < multiply_adds(teacher)


def test_compact_students_shrink_with_the_teacher():
    wide = models.build("resnet34", (32, 32, 3), 10)
    assert compact.compact_name(wide) == "compact_32"
    assert compact.compact_name(models.build("resnet20", (32, 32, 3), 10)) == "compact_16"
    assert compact.compact_name(models.build("compact_8", (32, 32, 3), 10)) == "compact_4"


def test_a_compact_student_never_costs_more_than_its_teacher():
    with pytest.raises(InputError, match="more multiply-adds.*Received: 416,520"):
        compact.compact_name(models.build("lenet5", (32, 32, 1), 10))


def test_the_stem_of_a_compact_student_reduces_large_images():
    costs = [
        multiply_adds(models.build("compact_8", (side, side, 3), 10)) for side in (32, 64, 128, 224)
    ]
    assert max(costs) < 5 * costs[0]
    fine = models.build("compact_8", (63, 63, 3), 10)
    assert fine.get_layer("group1").output.shape[1:3] == (63, 63)


def test_errors():
    with pytest.raises(InputError, match="Did you mean 'resnet34'"):
        models.build("resnet_34", (32, 32, 3), 10)
    with pytest.raises(InputError, match="32×32 for lenet5.*28×28"):
        models.build("lenet5", (28, 28, 1), 10)
    with pytest.raises(ValueError, match="depth=15"):
        models.wide_resnet((32, 32, 3), 10, 15, 1)
    with pytest.raises(InputError, match="`teacher_model`.*Did you mean 'lenet5'"):
        models.check_name("lenet_5", "teacher_model")
