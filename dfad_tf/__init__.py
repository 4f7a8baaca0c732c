"""Distill a Keras classifier into a small student without its training data.

>>> from dfad_tf import DataFreeDistiller, generators, load_teacher, models

This module is the public interface. Each name is imported when it is first used, so that
`import dfad_tf` imports neither Keras nor TensorFlow. Files that hold classes of this
package load with `keras.saving.load_model` after `import dfad_tf` alone.
"""

from __future__ import annotations

import importlib
from typing import Any

from dfad_tf.utils import keras_registration

__version__ = "0.6.0"

_HOMES = {
    "Backup": "dfad_tf.callbacks",
    "CollapseWatch": "dfad_tf.callbacks",
    "DataFreeDistiller": "dfad_tf.distillation.distiller",
    "DepthSettings": "dfad_tf.students.depth_inheritance",
    "EarlyWarning": "dfad_tf.trust.early_warning",
    "InputError": "dfad_tf.utils.errors",
    "Method": "dfad_tf.methods",
    "PixelContract": "dfad_tf.data.pixel_contract",
    "SecondStudent": "dfad_tf.trust.stability",
    "Settings": "dfad_tf.methods",
    "StopSignals": "dfad_tf.callbacks",
    "SupervisedDistiller": "dfad_tf.distillation.supervised_distiller",
    "VirtualInterpolation": "dfad_tf.methods.interpolation",
    "describe_teacher": "dfad_tf.teachers.description",
    "estimate_batch_norm": "dfad_tf.students.batch_norm_estimation",
    "export_student": "dfad_tf.exporting",
    "inherit_weights": "dfad_tf.students.inheritance",
    "load_teacher": "dfad_tf.teachers.loading",
    "multiply_adds": "dfad_tf.graphs.multiply_adds",
    "open_dataset": "dfad_tf.data.datasets",
    "settle_statistics": "dfad_tf.teachers.settled_statistics",
    "trust_report": "dfad_tf.trust.report",
}
_MODULES = {
    "callbacks": "dfad_tf.callbacks",
    "data_methods": "dfad_tf.methods.data_methods",
    "exporting": "dfad_tf.exporting",
    "generators": "dfad_tf.synthesis.generators",
    "losses": "dfad_tf.losses",
    "methods": "dfad_tf.methods",
    "models": "dfad_tf.models",
    "objectives": "dfad_tf.synthesis.objectives",
    "optimizers": "dfad_tf.compute.optimizers",
    "strategies": "dfad_tf.compute.strategies",
    "supervised_objectives": "dfad_tf.methods.supervised_objectives",
}

__all__ = [*sorted(_HOMES), *_MODULES]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name in _MODULES:
        return importlib.import_module(_MODULES[name])
    raise AttributeError(f"module 'dfad_tf' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *__all__]


keras_registration.register_classes()
