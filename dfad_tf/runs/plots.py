"""The plots of a run: learning curves and generated samples."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from dfad_tf.data.pixel_contract import to_displayable
from dfad_tf.utils.files import write_atomically


def draw_learning_curves(
    history: dict[str, list[float]],
    path: pathlib.Path,
    title: str,
    validation_freq: int = 1,
    teacher_accuracy: float | None = None,
) -> None:
    """Draw losses, class coverage and accuracy against epochs, as a PNG.

    Args:
        history: `History.history` of a distillation with data or without.
        path: The file to write.
        title: Title of the plot.
        validation_freq: Epochs between two measurements.
        teacher_accuracy: The teacher's accuracy, from 0 to 1, drawn as a line; None draws none.
    """
    measured, covered = "val_accuracy" in history, "class_entropy" in history
    held_out = "val_agreement" in history
    count = 1 + covered + held_out + measured
    figure = Figure(figsize=(4 * count, 3.6), layout="constrained")
    panels = figure.subplots(1, count, squeeze=False)[0]
    epochs = np.arange(1, len(history["loss"]) + 1)
    panels[0].plot(epochs, history["loss"], label="student loss")
    if "adversarial_discrepancy" in history:
        ascended = -np.asarray(history["adversarial_discrepancy"])
        panels[0].plot(epochs, ascended, label="maximized by the generator")
    what = "discrepancy of the logits" if covered else "loss on real images"
    panels[0].set(xlabel="epoch", ylabel=what, ylim=(0, None))
    panels[0].legend()
    if covered:
        panels[1].plot(epochs, history["class_entropy"], color="tab:green")
        panels[1].set(xlabel="epoch", ylabel="class entropy (1: even)", ylim=(0, 1.03))
    if held_out:
        agreement = 100 * np.asarray(history["val_agreement"])
        panels[1 + covered].plot(epochs, agreement, color="tab:red")
        panels[1 + covered].set(
            xlabel="epoch",
            ylabel="agreement on held-out images (%),\ngenerated in the first half of the run",
            ylim=(0, 103),
        )
    if measured:
        panel = panels[-1]
        at = np.arange(1, len(history["val_accuracy"]) + 1) * validation_freq
        panel.plot(at, 100 * np.asarray(history["val_accuracy"]), label="student")
        if "val_test_agreement" in history:
            agreement = 100 * np.asarray(history["val_test_agreement"])
            panel.plot(at, agreement, ":", label="agreement with teacher")
        if teacher_accuracy is not None:
            panel.axhline(100 * teacher_accuracy, color="black", lw=1, label="teacher")
        panel.set(xlabel="epoch", ylabel="on real test images (%)")
        panel.legend()
    for panel in panels:
        for line in panel.get_lines():
            if len(line.get_xdata()) < 30 and line.get_label() != "teacher":
                line.set_marker(".")  # a single epoch would be invisible without it
        panel.grid(alpha=0.3)
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.suptitle(title)
    write_atomically(path, lambda name: figure.savefig(name, dpi=110, format="png"))


def draw_samples(
    pixels: np.ndarray,
    labels: Sequence[str],
    path: pathlib.Path,
    title: str,
    columns: int = 10,
) -> None:
    """Draw generated images in a grid, each under the class that the teacher predicts, as a PNG.

    Args:
        pixels: Raw pixels `(n, height, width, channels)`; clipped to 0–255 for display.
        labels: The class that the teacher predicts for each image.
        path: The file to write.
        title: Title of the plot.
        columns: Images in a row.
    """
    images = to_displayable(pixels)
    rows = -(-len(images) // columns)
    figure = Figure(figsize=(columns * 0.95, rows * 1.15 + 0.4), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel in panels:
        panel.axis("off")
    for panel, image, label in zip(panels, images, labels, strict=False):
        gray = image.shape[-1] == 1
        panel.imshow(
            image[..., 0] if gray else image, cmap="gray" if gray else None, vmin=0, vmax=255
        )
        panel.set_title(label, fontsize=8)
    figure.suptitle(title)
    write_atomically(path, lambda name: figure.savefig(name, dpi=110, format="png"))
