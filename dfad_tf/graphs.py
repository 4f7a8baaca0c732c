"""Models that are graphs of layers."""

from __future__ import annotations

from typing import Any

import keras


def is_graph(model: Any) -> bool:
    """Whether a model is a graph of layers that can be walked (functional or sequential)."""
    outputs: Any = getattr(model, "outputs", None)
    return (
        isinstance(model, keras.Model) and bool(outputs) and hasattr(outputs[0], "_keras_history")
    )
