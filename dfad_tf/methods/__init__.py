"""Methods: what the student and the generator minimize, and on which images the student learns.

Each name is imported at its first use, so that a command can look up the name of a method
(`dfad_tf.methods.method_names`) without importing TensorFlow.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dfad_tf.methods.method import IMAGE_SOURCES, Method
    from dfad_tf.methods.table import METHODS, Settings, get

_HOMES = {
    "IMAGE_SOURCES": "method",
    "METHODS": "table",
    "Method": "method",
    "Settings": "table",
    "get": "table",
}

__all__ = ["IMAGE_SOURCES", "METHODS", "Method", "Settings", "get"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"dfad_tf.methods.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'dfad_tf.methods' has no attribute {name!r}")
