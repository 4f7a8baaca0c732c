"""Students that inherit blocks of a deeper teacher."""

import keras
import numpy as np
import pytest

from dfad_tf import models
from dfad_tf.students.batch_norm_estimation import estimate_batch_norm
from dfad_tf.students.block_choice import relative_error
from dfad_tf.students.depth_inheritance import DepthSettings, inherit_blocks
from dfad_tf.students.inheritance import inherit_weights
from dfad_tf.students.units import parse_network
from dfad_tf.utils.errors import InputError
from tests.conftest import same, small_classifier, weights
from tests.helpers.residual_networks import (
    answers,
    deep,
    images,
    linear_blocks,
    make_idle,
    randomized,
)

layers = keras.layers


def gap(teacher, student, pixels):
    return float(np.abs(answers(teacher, pixels) - answers(student, pixels)).mean())


@pytest.mark.parametrize("name", ["resnet20", "resnet18", "wrn_16_1"])
@pytest.mark.parametrize("merge", [True, False])
def test_a_student_with_all_blocks_has_the_answers_of_its_teacher(name, merge):
    teacher, student = (models.build(name, (8, 8, 3), 10, [1.0] * 3, [2.0] * 3) for _ in "ab")
    randomized(teacher)
    found = inherit_weights(teacher, student, images(), DepthSettings(merge=merge))
    assert found.inherited and found.start == "all of the teacher's blocks"
    np.testing.assert_array_equal(answers(student, images()), answers(teacher, images()))


@pytest.mark.parametrize("choice", ["measured", "spread"])
@pytest.mark.parametrize("merge", [True, False])
def test_blocks_without_effect_are_left_out_without_loss(choice, merge):
    teacher, student = deep((3, 2)), deep((3, 1))
    make_idle(parse_network(teacher).blocks[-1])
    before = weights(teacher)
    assert inherit_weights(teacher, student, images(), DepthSettings(choice, merge))
    np.testing.assert_allclose(answers(student, images()), answers(teacher, images()), atol=1e-6)
    assert same(before, weights(teacher))


def test_linear_blocks_merge_exactly():
    teacher, student = linear_blocks(4), linear_blocks(2)
    pixels, others = images(40, (4, 4, 3)), images(40, (4, 4, 3), 1)
    plain = DepthSettings(merge=False)
    assert inherit_weights(teacher, student, pixels, plain)
    assert gap(teacher, student, others) > 0.1
    found = inherit_weights(teacher, student, pixels, DepthSettings(ridge=0.0))
    assert found.how == "2 of the teacher's 4 blocks, fitted to what they replace"
    np.testing.assert_allclose(answers(student, others), answers(teacher, others), atol=1e-4)


def test_merged_blocks_are_the_same_function_with_the_statistics_of_the_images():
    teacher, student = linear_blocks(4), linear_blocks(2)
    pixels = images(40, (4, 4, 3))
    settings = DepthSettings(ridge=0.0, statistics=True)
    assert inherit_weights(teacher, student, pixels, settings)
    estimate_batch_norm(student, pixels)
    np.testing.assert_allclose(answers(student, pixels), answers(teacher, pixels), atol=1e-3)


@pytest.mark.parametrize("build", [deep, lambda blocks: linear_blocks(sum(blocks), 3, 6, "relu")])
def test_merging_is_closer_than_leaving_out(build):
    teacher = build((5, 3))
    shape = teacher.input_shape[1:]
    gaps = {}
    for merge in (True, False):
        student = build((2, 2))
        assert inherit_weights(teacher, student, images(100, shape), DepthSettings("spread", merge))
        gaps[merge] = gap(teacher, student, images(50, shape, 1))
    assert gaps[True] < 0.8 * gaps[False]


def test_the_measured_block_is_the_one_whose_fit_is_closest():
    teacher, errors = deep((4,), (4,)), {}
    for place in (0, 2, 3):
        make_idle(parse_network(teacher).blocks[place])
    for choice in ("measured", "spread"):
        student = deep((1,), (4,))
        assert inherit_weights(teacher, student, images(), DepthSettings(choice))
        maps = []
        for network in (student, teacher):
            chunks = [images()]
            for unit in parse_network(network).units[:-2]:
                chunks = unit.run(chunks)
            maps.append(chunks)
        errors[choice] = relative_error(*maps)
    assert errors["measured"] < 0.5 * errors["spread"]


def test_a_mobile_network_with_all_blocks_has_the_answers_of_its_teacher():
    teacher = randomized(keras.applications.MobileNetV2((96, 96, 3), 0.35, weights=None, classes=7))
    student = keras.models.clone_model(teacher)
    pixels = images(2, (96, 96, 3))
    assert inherit_weights(teacher, student, pixels).how == "all of the teacher's blocks"
    np.testing.assert_allclose(answers(student, pixels), answers(teacher, pixels), atol=1e-6)


def preactivated(blocks):
    """Blocks that end in a convolution with a bias, without batch normalization behind it."""
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, padding="same")(inputs)
    for _ in range(blocks):
        y = layers.ReLU()(layers.BatchNormalization()(x))
        x = layers.Add()([x, layers.Conv2D(4, 3, padding="same")(y)])
    return randomized(keras.Model(inputs, layers.Dense(2)(layers.GlobalAveragePooling2D()(x))))


def test_blocks_that_end_in_a_convolution_merge():
    teacher, gaps = preactivated(4), []
    for merge in (True, False):
        student = preactivated(1)
        assert inherit_weights(teacher, student, images(100), DepthSettings(merge=merge))
        gaps.append(gap(teacher, student, images(50, seed=1)))
    assert gaps[0] < gaps[1] / 2


def test_a_teacher_with_a_softmax_and_a_nested_graph_pairs():
    inputs, core = keras.Input((8, 8, 3)), deep((3, 2))
    teacher = keras.Model(inputs, layers.Softmax()(core(inputs)))
    student = deep((3, 2))
    assert inherit_weights(teacher, student, images())
    np.testing.assert_array_equal(answers(student, images()), answers(core, images()))


def test_another_form_of_input_is_folded_into_the_first_convolution():
    """The teacher reads 0 to 1, and the student standardizes the same pixels."""
    core = deep((2, 2))
    inputs = keras.Input((8, 8, 3))
    teacher = keras.Model(inputs, core(layers.Rescaling([0.1, 0.2, 0.3])(inputs)))
    student = deep((2, 2), mean=[0.0] * 3, std=[2.0, 3.0, 4.0])
    assert inherit_weights(teacher, student, images())
    np.testing.assert_allclose(answers(student, images()), answers(teacher, images()), atol=1e-5)
    shifted = deep((2, 2), mean=[0.5] * 3, std=[2.0] * 3)
    assert inherit_weights(teacher, shifted, images())
    # Only the border differs: it is filled with zeros of another form.
    assert gap(teacher, shifted, images()) < 0.2 * gap(teacher, deep((2, 2)), images())


def test_a_form_of_input_that_no_factor_leads_to_is_refused():
    core, inputs = deep((2, 2)), keras.Input((8, 8, 3))
    teacher = keras.Model(inputs, core(keras.ops.square(inputs)))
    student = deep((2, 2))
    before = weights(student)
    found = inherit_weights(teacher, student, images())
    assert not found and "prepares pixels in another form" in found.reason
    assert same(before, weights(student))


def test_a_student_that_does_not_pair_is_unchanged_and_the_reason_is_in_the_plan():
    student = deep((2, 2), widths=(8, 12))
    before = weights(student)
    found = inherit_weights(deep(), student, images())
    assert found.start == (
        "random weights (the student's blocks have other widths than the teacher's)"
    )
    assert same(before, weights(student))


def test_a_student_that_calls_a_layer_twice_is_refused():
    inputs = keras.Input((8, 8, 3))
    first, shared = layers.Conv2D(4, 3, padding="same"), layers.Conv2D(4, 3, padding="same")
    x = first(inputs)
    for _ in range(2):
        x = layers.Add()([x, shared(x)])
    network = keras.Model(inputs, layers.Dense(3)(layers.Flatten()(x)))
    found = inherit_weights(network, network, images())
    assert found.reason == "the student calls a layer several times"


def test_networks_without_a_graph_are_refused():
    found = inherit_weights(small_classifier(), keras.Model(), images(4, (8, 8, 1)))
    assert not found and "cannot be read" in found.reason


def test_invalid_settings_are_refused():
    with pytest.raises(InputError, match="choice"):
        DepthSettings(choice="best")
    with pytest.raises(InputError, match="ridge"):
        DepthSettings(ridge=-1.0)


def test_the_function_itself_returns_how():
    assert inherit_blocks(deep((3, 1)), deep((2, 1)), images(), DepthSettings(merge=False)) == (
        "3 of the teacher's 4 blocks"
    )
