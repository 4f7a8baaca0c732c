"""The choice of blocks by their measured effect."""

import numpy as np
import pytest

from dfad_tf.students import block_choice
from dfad_tf.students.block_choice import choose_blocks, relative_error, spread_blocks
from dfad_tf.students.units import parse_network
from tests.helpers.residual_networks import deep, images, make_idle


def test_blocks_are_spread_evenly():
    assert spread_blocks(9, 3) == (0, 4, 8)
    assert spread_blocks(8, 2) == (0, 7)
    assert spread_blocks(5, 1) == (2,)
    assert spread_blocks(3, 3) == (0, 1, 2)


def blocks_of(idle=(), count=6):
    """Equal blocks in a row; those of `idle` return their input, and a map to begin with."""
    blocks = parse_network(deep((count,), (4,))).blocks
    for place in idle:
        make_idle(blocks[place])
    return blocks, [np.abs(images(4, (8, 8, 4))), np.abs(images(3, (8, 8, 4), 1))]


@pytest.mark.parametrize("limit", [200, 0], ids=["all subsets", "one after the other"])
def test_blocks_without_effect_are_left_out(limit, monkeypatch):
    monkeypatch.setattr(block_choice, "_MAX_RUNS", limit)
    blocks, maps = blocks_of(idle=(0, 2, 5))
    assert choose_blocks(blocks, 3, maps) == (1, 3, 4)


@pytest.mark.parametrize("limit", [200, 0], ids=["all subsets", "one after the other"])
def test_of_equal_subsets_the_one_spread_evenly_is_chosen(limit, monkeypatch):
    monkeypatch.setattr(block_choice, "_MAX_RUNS", limit)
    blocks, maps = blocks_of(idle=range(6))
    assert choose_blocks(blocks, 3, maps) == spread_blocks(6, 3)


def test_the_subset_has_the_least_error_of_all():
    blocks, maps = blocks_of(count=4)
    outputs = maps
    for block in blocks:
        outputs = block.run(outputs)
    errors = {}
    for first in range(4):
        for second in range(first + 1, 4):
            received = blocks[second].run(blocks[first].run(maps))
            errors[first, second] = relative_error(received, outputs)
    assert choose_blocks(blocks, 2, maps) == min(errors, key=errors.get)


def test_all_blocks_need_no_images():
    blocks, _ = blocks_of(count=3)
    assert choose_blocks(blocks, 3, []) == (0, 1, 2)
