"""Raw pixels to a network's input and back."""

import numpy as np
import pytest

from dfad_tf.data.pixel_contract import RANGES, PixelContract


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("pixels", [0, 255]),
        ("zero_one", [0, 1]),
        ("minus_one_one", [-1, 1]),
        ("standardized", [-0.5, 2.05]),
    ],
)
def test_black_and_white(name, expected):
    contract = PixelContract(name, (50.0,), (100.0,))
    np.testing.assert_allclose(contract.to_input(np.array([0, 255], np.uint8)), expected, atol=1e-6)


@pytest.mark.parametrize("name", RANGES)
def test_there_and_back(name):
    contract = PixelContract(name, (10.0, 120.0, 30.0), (50.0, 60.0, 70.0))
    pixels = np.random.default_rng(0).uniform(0, 255, (4, 5, 5, 3)).astype(np.float32)
    np.testing.assert_allclose(contract.to_pixels(contract.to_input(pixels)), pixels, atol=1e-3)
    ordinary = np.array([contract.mean, np.add(contract.mean, contract.std)])
    inputs = contract.to_input(ordinary)
    np.testing.assert_allclose(inputs[0], contract.input_mean, atol=1e-5)
    np.testing.assert_allclose(inputs[1] - inputs[0], contract.input_std, atol=1e-5)


def test_for_channels():
    assert PixelContract("pixels", (10.0, 20.0), (2.0, 4.0)).for_channels(3).mean == (15.0,) * 3


def test_errors():
    with pytest.raises(ValueError, match="'percent'"):
        PixelContract("percent")
    with pytest.raises(ValueError, match="std=\\(0.0,\\)"):
        PixelContract("pixels", (1.0,), (0.0,))
