"""Networks divided into units at the tensors that everything passes through."""

import itertools

import keras
import numpy as np
import pytest

from dfad_tf import models
from dfad_tf.students.units import parse_network
from tests.helpers.residual_networks import answers, deep, images

layers = keras.layers


@pytest.mark.parametrize(
    ("name", "in_groups"),
    [
        ("resnet56", (9, 1, 8, 1, 8)),
        ("resnet20", (3, 1, 2, 1, 2)),
        ("resnet34", (3, 1, 3, 1, 5, 1, 2)),
        ("resnet18", (2, 1, 1, 1, 1, 1, 1)),
        ("wrn_16_1", (2, 1, 1, 1, 1)),
        ("wrn_40_2", (1, 5, 1, 5, 1, 5)),
    ],
)
def test_residual_blocks_are_units(name, in_groups):
    parsed = parse_network(models.build(name, (8, 8, 3), 10, [0.0] * 3, [2.0] * 3))
    assert len(parsed.preprocessing) == 1 and len(parsed.blocks) == sum(in_groups)
    keys = [block.signature.key for block in parsed.blocks]
    runs = [len(list(run)) for _, run in itertools.groupby(keys)]
    assert tuple(runs) == in_groups


def test_inverted_residual_blocks_are_units_and_layers_between_them_too():
    network = keras.applications.MobileNetV2((96, 96, 3), 0.35, weights=None, classes=7)
    parsed = parse_network(network)
    assert len(parsed.blocks) == 10 and all(block.can_be_left_out for block in parsed.blocks)
    assert all(len(block.signature.layers) == 6 for block in parsed.blocks)
    assert sum(len(unit.steps) for unit in parsed.units) == len(network.layers) - 1


def test_the_activation_behind_an_addition_belongs_to_the_block():
    post = parse_network(models.build("resnet20", (8, 8, 3), 10)).blocks
    pre = parse_network(models.build("wrn_16_2", (8, 8, 3), 10)).blocks
    assert {type(block.steps[-1].operation).__name__ for block in post} == {"ReLU"}
    assert {type(block.steps[-1].operation).__name__ for block in pre} == {"Add"}


def test_blocks_that_change_the_shape_cannot_be_left_out():
    blocks = parse_network(models.build("resnet20", (8, 8, 3), 10)).blocks
    assert [block.can_be_left_out for block in blocks].count(False) == 2


def test_the_units_one_after_the_other_are_the_network():
    network = deep(mean=[1.0] * 3, std=[2.0] * 3)
    parsed = parse_network(network)
    maps = [images(5), images(3, seed=1)]
    expected = [answers(network, chunk) for chunk in maps]
    for unit in (*parsed.preprocessing, *parsed.units):
        maps = unit.run(maps)
    np.testing.assert_allclose(np.concatenate(maps), np.concatenate(expected), atol=1e-6)


def test_a_softmax_at_the_end_is_no_unit():
    core = deep()
    network = keras.Model(core.inputs, layers.Softmax()(core.outputs[0]))
    assert len(parse_network(network).units) == len(parse_network(core).units)
    assert parse_network(network).units[-1].is_head


def test_layers_and_operations_that_prepare_pixels_are_apart():
    inputs = keras.Input((8, 8, 3))
    x = layers.Rescaling(2.0)(layers.RandomFlip()(inputs)) / 255.0
    network = keras.Model(inputs, deep()(x))
    parsed = parse_network(network)
    assert len(parsed.preprocessing) == 3 and len(parsed.blocks) == 5
