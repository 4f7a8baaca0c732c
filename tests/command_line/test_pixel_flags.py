"""The flags of the pixels that a model expects."""

import keras
import pytest

from dfad_tf.command_line import pixel_flags
from dfad_tf.data.pixel_contract import PixelContract
from dfad_tf.teachers.pixel_detection import UndecidedPixelsError
from dfad_tf.utils.errors import InputError
from tests.conftest import small_classifier
from tests.helpers.command import parse


def undecided(model, decide=False):
    candidates = [PixelContract("minus_one_one"), PixelContract("zero_one")]
    if decide:
        return candidates[0]
    raise UndecidedPixelsError(candidates)


def test_where_several_ranges_are_likely_the_flag_is_asked_for(monkeypatch):
    monkeypatch.setattr(pixel_flags, "contract_of", undecided)
    model = small_classifier()
    parse("--input_range=auto")
    with pytest.raises(InputError) as raised:
        pixel_flags.inferred_contract(model)
    assert str(raised.value) == (
        "Expected --input_range, because the model does not say which pixels it was trained on: "
        "minus_one_one, zero_one, the likeliest first. Received: auto; auto_best takes "
        "minus_one_one"
    )
    parse("--input_range=auto_best")
    assert pixel_flags.inferred_contract(model).range == "minus_one_one"
    parse("--input_range=zero_one")
    assert pixel_flags.inferred_contract(model).range == "zero_one"


def test_the_mean_is_that_of_imagenet_for_centered_images_with_colours_only():
    parse("--input_range=centered")
    found = pixel_flags.inferred_contract(small_classifier((8, 8, 3)))
    assert (found.range, found.mean[0]) == ("centered", 103.53)
    with pytest.raises(InputError, match="Expected --input_mean.*centered"):
        pixel_flags.inferred_contract(small_classifier((8, 8, 1)))


@pytest.mark.parametrize("name", ["auto", "auto_best"])
def test_an_inferred_range_takes_no_mean(name):
    parse(f"--input_range={name}", "--input_mean=1", "--input_std=2")
    with pytest.raises(InputError, match=f"Received: {name}"):
        pixel_flags.check_pixel_flags()


def test_a_recorded_contract_needs_no_evidence(tmp_path, monkeypatch):
    monkeypatch.setattr(pixel_flags, "contract_of", undecided)
    (tmp_path / "result.json").write_text(
        '{"pixels": {"range": "zero_one", "mean": [9.0], "std": [3.0]}}'
    )
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()])
    parse("--input_range=auto")
    found = pixel_flags.contract_of_model(model, str(tmp_path / "student.keras"))
    assert found.mean == (9.0,)
