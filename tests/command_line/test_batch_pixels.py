"""Batches of large images are smaller, and the plan says so."""

import pytest

from dfad_tf.command_line import run_builder
from dfad_tf.runs.data_free_run import _smaller_batch
from tests.helpers.command import parse


@pytest.mark.parametrize(
    ("side", "arguments", "size"),
    [
        (32, [], 128),
        (64, [], 128),
        (96, [], 56),
        (128, [], 32),
        (224, [], 16),
        (96, ["--batch_pixels=0"], 128),
        (96, ["--batch_size=24"], 24),
        (96, ["--images=1000"], 128),
    ],
)
def test_the_batch_follows_the_size_of_the_images(side, arguments, size):
    parse("--teacher=mine.keras", *arguments)
    settings = run_builder.settings_from_flags((side, side, 3))
    assert settings.batch_size == size == run_builder.batch_size_for((side, side, 3))
    row = _smaller_batch(settings)
    if size < settings.largest_batch_size:
        assert row["batch"].startswith(f"{size} images in the place of 128")
    else:
        assert not row


def test_a_data_set_without_this_flag_has_no_limit():
    parse("--dataset=cifar10")
    assert run_builder.settings_from_flags((512, 512, 3)).batch_size == run_builder.FLAGS.batch_size
