"""Held-out real images in the input range of the networks."""

import numpy as np

from dfad_tf.data.pixel_contract import PixelContract
from dfad_tf.data.test_images import TestImages


def test_the_inputs_follow_the_contract_and_the_pixels_stay_raw():
    pixels = np.array([0, 255], np.uint8).reshape(2, 1, 1, 1)
    images = TestImages(pixels, np.array([3, 4]), PixelContract("minus_one_one"))
    np.testing.assert_allclose(images.inputs.ravel(), [-1, 1])
    assert images.inputs.dtype == np.float32
    assert images.pixels is pixels and images.labels.tolist() == [3, 4]
