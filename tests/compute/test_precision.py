"""The faster precision of a device, as measured on it."""

import types

import pytest
import tensorflow as tf

from dfad_tf.compute import precision, timing
from dfad_tf.utils.errors import InputError


@pytest.mark.parametrize(
    ("bfloat16", "expected"),
    [
        (0.5, "mixed_bfloat16"),  # twice as fast
        (0.79, "mixed_bfloat16"),
        (0.81, "float32"),  # faster, but the casts cost more than that
        (1.0, "float32"),
        (20.0, "float32"),  # emulated
    ],
)
def test_bfloat16_is_chosen_if_it_is_clearly_faster(monkeypatch, bfloat16, expected):
    seconds = {"float32": 1.0, "bfloat16": bfloat16}
    monkeypatch.setattr(precision, "seconds_of_product", lambda dtype, side: seconds[dtype])
    assert precision.fastest_precision() == expected


def test_another_process_that_slows_some_of_the_products_does_not_decide(monkeypatch):
    seconds = {"float32": iter([2.0, 1.0, 3.0]), "bfloat16": iter([1.2, 2.0, 0.5])}
    monkeypatch.setattr(precision, "seconds_of_product", lambda dtype, side: next(seconds[dtype]))
    assert precision.fastest_precision() == "mixed_bfloat16"


def test_the_time_is_that_of_the_fastest_round(monkeypatch):
    ticks = []
    for number, seconds in enumerate([3.0, 1.0, 2.0]):
        ticks += [100.0 * number, 100.0 * number + seconds]
    monkeypatch.setattr(timing, "time", types.SimpleNamespace(monotonic=iter(ticks).__next__))
    assert precision.seconds_of_product("float32", 4, 3) == 1.0


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_the_timed_product_is_that_of_two_matrices_of_the_type_and_size(monkeypatch, dtype):
    matmul, received = tf.linalg.matmul, []

    def recorded(first, second):
        received.append((first.dtype.name, tuple(first.shape), tuple(second.shape)))
        return matmul(first, second)

    monkeypatch.setattr(tf.linalg, "matmul", recorded)
    precision.seconds_of_product(dtype, 16, 2)
    assert received == [(dtype, (16, 16), (16, 16))]  # traced once, and not timed while traced


def test_a_larger_product_takes_more_time():
    small, large = (precision.seconds_of_product("float32", side) for side in (32, 1024))
    assert large > 3 * small > 0


def test_a_policy_is_returned_by_name(monkeypatch):
    assert precision.resolve_precision(None) is None
    for policy in precision.POLICIES:
        assert precision.resolve_precision(policy) == policy
    monkeypatch.setattr(precision, "fastest_precision", lambda: "mixed_bfloat16")
    assert precision.resolve_precision("auto") == "mixed_bfloat16"


def test_an_error_names_the_argument():
    with pytest.raises(InputError, match="`precision`.*mixed_float16.*Received.*'bfloat'"):
        precision.resolve_precision("bfloat")
