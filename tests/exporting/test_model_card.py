"""The provenance in a model card."""

import pytest

from dfad_tf.exporting.model_card import provenance_of


def test_a_card_names_the_number_of_labelled_images():
    run = {"method": "kd", "seed": 1, "real_images": 60_000}
    assert provenance_of(run)["distilled by"] == (
        "the method 'kd' of dfad_tf, with 60,000 labelled images, seed 1"
    )


@pytest.mark.parametrize("recorded", [{"real_images": 0}, {}])
def test_a_card_of_a_run_without_data_says_so(recorded):
    text = provenance_of({"method": "dafl", "seed": 1, **recorded})["distilled by"]
    assert text == "the method 'dafl' of dfad_tf, without data, seed 1"


def test_a_card_has_no_folder_names():
    run = {"teacher": "/home/someone/mine.keras", "dataset": "digits"}
    assert provenance_of(run) == {"teacher": "mine.keras", "data set": "digits"}
    assert provenance_of({}) == {}
