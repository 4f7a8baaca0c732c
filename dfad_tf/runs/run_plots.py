"""The plots that a run saves in its folder."""

from __future__ import annotations

import pathlib
from typing import Any

from dfad_tf.compute.prediction import predict_classes
from dfad_tf.runs import plots
from dfad_tf.runs.records import DistillationResult, RunData, RunSettings
from dfad_tf.synthesis.generated_images import generated_images

_SAMPLES = 40


def draw(
    folder: pathlib.Path,
    done: DistillationResult,
    data: RunData,
    settings: RunSettings,
    result: dict[str, Any],
) -> None:
    """Draw the learning curves and, where there is a generator, sample images.

    Args:
        folder: The run's folder.
        done: What the distillation returned.
        data: The teacher, which classifies the sample images, and the data set, which names the
            classes.
        settings: How the run trained.
        result: The content of `result.json` so far.
    """
    kind = "with data" if done.real_images else "without data"
    title = f"{result['student']}, method '{result['method']}', {kind}, seed {settings.seed}"
    plots.draw_learning_curves(
        done.history,
        folder / "curves.png",
        title,
        settings.validation_freq,
        result["teacher_accuracy"],
    )
    if done.generator is None:
        return
    images = generated_images(done.generator, _SAMPLES)
    classes = predict_classes(data.teacher.model, images)
    known = data.dataset.label_names if data.dataset else data.teacher.labels
    names = list(known) or [str(index) for index in range(max(classes) + 1)]
    pixels = data.teacher.description.contract.to_pixels(images)
    labels = [names[index] for index in classes]
    plots.draw_samples(
        pixels, labels, folder / "samples.png", "Generated images, under the teacher's class"
    )
