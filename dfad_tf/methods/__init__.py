"""Methods by name: what the student minimises, what the generator minimises.

Each name is imported when it is first used, so that a command line can look up a method's
name (`dfad_tf.methods.method_names`) without importing TensorFlow.
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
