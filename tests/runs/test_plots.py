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


@pytest.fixture
def lines(monkeypatch):
    """A function that returns the lines of the last figure by label."""
    figures = []

    class Recorded(plots.Figure):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            figures.append(self)

    monkeypatch.setattr(plots, "Figure", Recorded)
    return lambda: {
        line.get_label(): line for panel in figures[-1].axes for line in panel.get_lines()
    }


def test_few_epochs_have_markers(tmp_path, lines):
    for epochs, marker in ((1, "."), (29, "."), (30, "None")):
        draw_curves(tmp_path / "curves.png", {"loss": [1.0] * epochs})
        assert lines()["student loss"].get_marker() == marker


def test_the_accuracy_of_the_teacher_is_a_line_across_the_panel(tmp_path, lines):
    history = {"loss": [2.0, 1.0], "val_accuracy": [0.4, 0.8]}
    draw_curves(tmp_path / "without.png", history)
    assert "teacher" not in lines()
    draw_curves(tmp_path / "with.png", history, 1, 0.95)
    assert set(lines()["teacher"].get_ydata()) == {95.0}


def test_measurements_are_drawn_at_their_epochs(tmp_path, lines):
    history = {"loss": [3.0, 2.0, 1.5, 1.0], "val_accuracy": [0.4, 0.8]}
    draw_curves(tmp_path / "curves.png", history, 2)
    assert list(lines()["student"].get_xdata()) == [2, 4]
    assert list(lines()["student"].get_ydata()) == [40.0, 80.0]


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
