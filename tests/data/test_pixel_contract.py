"""Conversion between raw pixels and the input of a network."""

import numpy as np
import pytest

from dfad_tf.data.pixel_contract import RANGES, PixelContract, to_displayable
from dfad_tf.utils.errors import InputError


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("pixels", [0, 255]),
        ("zero_one", [0, 1]),
        ("minus_one_one", [-1, 1]),
        ("standardized", [-0.5, 2.05]),
    ],
)
def test_black_and_white_in_each_range(name, expected):
    contract = PixelContract(name, (50.0,), (100.0,))
    np.testing.assert_allclose(np.ravel(contract.value_range), expected, atol=1e-6)
    np.testing.assert_allclose(contract.to_input(np.array([0, 255], np.uint8)), expected, atol=1e-6)


@pytest.mark.parametrize("name", RANGES)
def test_conversion_to_the_input_and_back(name):
    contract = PixelContract(name, (10.0, 120.0, 30.0), (50.0, 60.0, 70.0))
    pixels = np.random.default_rng(0).uniform(0, 255, (4, 5, 5, 3)).astype(np.float32)
    np.testing.assert_allclose(contract.to_pixels(contract.to_input(pixels)), pixels, atol=1e-3)
    ordinary = np.array([contract.mean, np.add(contract.mean, contract.std)])
    inputs = contract.to_input(ordinary)
    np.testing.assert_allclose(inputs[0], contract.input_mean, atol=1e-5)
    np.testing.assert_allclose(inputs[1] - inputs[0], contract.input_std, atol=1e-5)


def test_other_channels_have_the_average_statistics():
    contract = PixelContract("zero_one", (10.0, 20.0), (2.0, 4.0), "detected")
    assert contract.for_channels(2) is contract
    expected = PixelContract("zero_one", (15.0,) * 3, (3.0,) * 3, "detected")
    assert contract.for_channels(3) == expected


@pytest.mark.parametrize(("channels", "shown"), [(1, 1), (2, 1), (3, 3), (4, 3)])
def test_displayable_images_have_one_or_three_channels(channels, shown):
    pixels = np.arange(channels) * 100.0 - 50.4
    images = to_displayable(pixels[None, None])
    assert images.dtype == np.uint8
    assert images.ravel().tolist() == [0, 50, 150, 250][:shown]


def test_invalid_contracts_are_rejected():
    with pytest.raises(InputError, match="'percent'"):
        PixelContract("percent")
    with pytest.raises(InputError, match="std=\\(0.0,\\)"):
        PixelContract("pixels", (1.0,), (0.0,))
