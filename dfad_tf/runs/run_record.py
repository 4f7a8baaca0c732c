"""Read what an earlier run recorded beside a model."""

from __future__ import annotations

import json
import pathlib
from typing import Any

from dfad_tf.data.pixel_contract import PixelContract
from dfad_tf.utils.errors import InputError


def run_of(model: pathlib.Path) -> dict[str, Any]:
    """Return the `result.json` beside a model of a run; an empty one for any other model."""
    try:
        content = json.loads(model.with_name("result.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    of_a_run = isinstance(content, dict) and model.name in ("student.keras", "teacher.keras")
    return content if of_a_run else {}


def contract_of(run: dict[str, Any], channels: int) -> PixelContract | None:
    """Return the pixel contract of a run's networks; None where it is not recorded.

    Args:
        run: What `run_of` returns.
        channels: Number of channels of the images.

    Raises:
        InputError: If the record is damaged.
    """
    pixels = run.get("pixels")
    if pixels is None:
        return None
    try:
        mean, std = tuple(map(float, pixels["mean"])), tuple(map(float, pixels["std"]))
        found = PixelContract(pixels["range"], mean, std, "recorded by its run")
        if len(mean) not in (1, channels):
            raise ValueError(f"{len(mean)} means for {channels} channels")
    except (TypeError, KeyError, ValueError) as error:
        raise InputError(
            "Expected `pixels` in the result.json beside the model to be a range with a mean and "
            f"a std for each channel. Received: {pixels}"
        ) from error
    return found.for_channels(channels)


def labels_of(run: dict[str, Any]) -> list[str]:
    """Return the labels that a run recorded; an empty list where it recorded none."""
    labels = run.get("labels")
    if isinstance(labels, list) and all(isinstance(label, str) for label in labels):
        return labels
    return []
