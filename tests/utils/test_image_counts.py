"""Fewer of large images."""

import pytest

from dfad_tf.utils.image_counts import affordable_count


@pytest.mark.parametrize(
    ("shape", "count"),
    [
        ((8, 8, 1), 1024),
        ((64, 64, 3), 1024),
        ((96, 96, 3), 455),
        ((96, 48), 910),
        ((512, 512, 3), 128),
    ],
)
def test_the_pixels_are_bounded(shape, count):
    assert affordable_count(1024, shape, 2**22, 128) == count
