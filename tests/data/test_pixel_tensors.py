"""Images as bytes, and back."""

import numpy as np
import pytest
import tensorflow as tf

from dfad_tf.data.pixel_contract import PixelContract
from dfad_tf.data.pixel_tensors import StoredPixels


@pytest.mark.parametrize(
    "contract",
    [
        PixelContract("pixels"),
        PixelContract("zero_one"),
        PixelContract("minus_one_one"),
        PixelContract("standardized", (120.0, 110.0), (60.0, 50.0)),
    ],
)
def test_every_byte_comes_back_and_others_are_rounded_or_clipped(contract):
    channels = len(contract.mean)
    raw = np.repeat(np.arange(256, dtype="uint8")[:, None], channels, 1)
    pixels = StoredPixels(contract)
    np.testing.assert_array_equal(pixels.to_bytes(tf.constant(contract.to_input(raw))), raw)
    np.testing.assert_allclose(pixels.from_bytes(raw), contract.to_input(raw), atol=1e-6)
    outside = contract.to_input(np.array([[-9.0] * channels, [300.0] * channels, [7.4] * channels]))
    assert pixels.to_bytes(outside).numpy()[:, 0].tolist() == [0, 255, 7]
