"""The plots of a run, checked by their size and their pixels."""

import numpy as np
import pytest
from matplotlib import image as reader

from dfad_tf.runs import plots


def draw_curves(path, history, *arguments):
    plots.draw_learning_curves(history, path, "Title", *arguments)
    return reader.imread(path)[..., :3]


def test_each_kind_of_measurement_adds_a_panel(tmp_path):
    history = {"loss": [2.0, 1.0]}
    widths = [draw_curves(tmp_path / "1.png", history).shape[1]]
    for name in ("class_entropy", "val_agreement", "val_accuracy"):
        history[name] = [0.5, 0.9]
        widths.append(draw_curves(tmp_path / "more.png", history).shape[1])
    assert widths == [widths[0] * count for count in (1, 2, 3, 4)]


def blue(plot):
    """Number of pixels of the first curve's color."""
    return int(((plot[..., 2] > 0.6) & (plot[..., 0] < 0.3)).sum())


def test_a_single_epoch_is_visible(tmp_path):
    one = draw_curves(tmp_path / "one.png", {"loss": [1.0]})
    only_legend = draw_curves(tmp_path / "none.png", {"loss": [np.nan]})
    assert blue(one) > blue(only_legend) > 0


def test_the_accuracy_of_the_teacher_is_a_line_across_the_panel(tmp_path):
    history = {"loss": [2.0, 1.0], "val_accuracy": [0.4, 0.8]}
    without = draw_curves(tmp_path / "without.png", history)
    with_line = draw_curves(tmp_path / "with.png", history, 1, 0.95)
    # The panels' frames are dark rows too.
    dark_rows = [((plot.max(-1) < 0.5).sum(1) > 200).sum() for plot in (without, with_line)]
    assert dark_rows[1] > dark_rows[0]


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_samples_have_the_brightness_of_their_images(tmp_path, channels):
    images = np.zeros((5, 8, 8, channels), np.float32)
    plots.draw_samples(images, list("abcde"), tmp_path / "dark.png", "black", columns=3)
    images += 400  # above the range of pixels, so drawn as white
    plots.draw_samples(images, list("abcde"), tmp_path / "bright.png", "white", columns=3)
    dark, bright = (reader.imread(tmp_path / f"{name}.png") for name in ("dark", "bright"))
    assert bright.mean() > dark.mean() + 0.1


def test_samples_beyond_a_row_start_a_new_one(tmp_path):
    heights = []
    for count in (3, 4):
        images = np.zeros((count, 8, 8, 1), np.float32)
        plots.draw_samples(images, ["a"] * count, tmp_path / "grid.png", "grid", columns=3)
        heights.append(reader.imread(tmp_path / "grid.png").shape[0])
    assert heights[1] > 1.5 * heights[0]
