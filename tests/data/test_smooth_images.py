"""Smooth random images have the statistics of photographs, and depend on their seed."""

import numpy as np

from dfad_tf.data.smooth_images import smooth_images


def test_images_are_smooth_raw_pixels_with_the_statistics_of_photographs():
    images = smooth_images(32, (20, 24, 3))
    assert images.shape == (32, 20, 24, 3) and images.dtype == np.float32
    assert images.min() >= 0 and images.max() <= 255
    assert abs(images.mean() - 115) < 5 and abs(images.std() - 64) < 8
    steps = np.abs(np.diff(images, axis=1)).mean()
    assert 0 < steps < images.std() / 3


def test_images_are_reproducible_by_their_seed():
    first, again, other = (smooth_images(2, (8, 8, 1), seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
