"""The precision that a device is faster with, by its own measurement."""

import types

import pytest

from dfad_tf.compute import precision


@pytest.mark.parametrize(
    ("bfloat16", "expected"),
    [
        (0.5, "mixed_bfloat16"),  # twice as fast
        (0.79, "mixed_bfloat16"),
        (0.81, "float32"),  # faster, but by less than is lost in casts
        (1.0, "float32"),
        (20.0, "float32"),  # emulated
    ],
)
def test_bfloat16_must_be_well_faster(monkeypatch, bfloat16, expected):
    seconds = {"float32": 1.0, "bfloat16": bfloat16}
    monkeypatch.setattr(precision, "seconds_of_product", lambda dtype, side: seconds[dtype])
    assert precision.fastest_precision() == expected


@pytest.mark.parametrize("first", [9.0, 0.1])
def test_the_fastest_round_counts_but_not_the_one_that_compiles(monkeypatch, first):
    ticks = []
    for number, seconds in enumerate([first, 3.0, 1.0, 2.0]):
        ticks += [100.0 * number, 100.0 * number + seconds]
    monkeypatch.setattr(precision, "time", types.SimpleNamespace(monotonic=iter(ticks).__next__))
    assert precision.seconds_of_product("float32", 4, 3) == 1.0


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_a_product_takes_time_in_every_type(dtype):
    assert 0 < precision.seconds_of_product(dtype, 16, 2) < 1
