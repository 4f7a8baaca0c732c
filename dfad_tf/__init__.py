"""Distil a Keras classifier into a small student without its training data.

>>> from dfad_tf import DataFreeDistiller, generators, load_teacher, models

What stands here is the public interface; each name is imported when it is first
used, so that `import dfad_tf` costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.5.0"

_HOMES = {
    "Backup": "dfad_tf.callbacks",
    "CollapseWatch": "dfad_tf.callbacks",
    "DataFreeDistiller": "dfad_tf.distiller",
    "InputError": "dfad_tf.errors",
    "Method": "dfad_tf.methods",
    "PixelContract": "dfad_tf.pixel_contract",
    "Settings": "dfad_tf.methods",
    "StopSignals": "dfad_tf.callbacks",
    "SupervisedDistiller": "dfad_tf.supervised_distiller",
    "VirtualInterpolation": "dfad_tf.interpolation",
    "describe_teacher": "dfad_tf.teacher_loading",
    "export_student": "dfad_tf.exporting",
    "inherit_weights": "dfad_tf.inheritance",
    "load_teacher": "dfad_tf.teacher_loading",
    "multiply_adds": "dfad_tf.multiply_adds",
    "open_dataset": "dfad_tf.datasets",
}
_MODULES = (
    "callbacks",
    "data_methods",
    "exporting",
    "generators",
    "losses",
    "methods",
    "models",
    "objectives",
    "optimizers",
    "strategies",
    "supervised_objectives",
)

__all__ = [*sorted(_HOMES), *_MODULES]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name in _MODULES:
        return importlib.import_module(f"dfad_tf.{name}")
    raise AttributeError(f"module 'dfad_tf' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *__all__]
