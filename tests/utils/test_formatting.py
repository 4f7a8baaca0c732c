"""Numbers as they are shown in messages and tables."""

import pytest

from dfad_tf.utils.formatting import format_macs, format_seconds


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"),
        (59, "59 s"),
        (59.6, "1 min 0 s"),
        (200, "3 min 20 s"),
        (3599.7, "1 h 0 min"),
        (7500, "2 h 5 min"),
        (90_000, "25 h 0 min"),
    ],
)
def test_a_duration_has_its_two_largest_units(seconds, text):
    assert format_seconds(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1.0 k"),
        (133_740, "133.7 k"),
        (40_600_000, "40.6 M"),
        (1_159_402_496, "1.16 G"),
    ],
)
def test_multiply_adds_have_a_unit(count, text):
    assert format_macs(count) == text
