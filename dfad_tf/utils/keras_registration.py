"""Let Keras find the package's classes in a file, without importing TensorFlow for it.

Keras looks a saved class up among the registered ones, and a class is registered when its
module is imported. Here a stand-in of each is registered as soon as Keras is imported, and
imports the module when a file needs the class.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

# The module of each class that carries `register_keras_serializable`. A test compares the two.
MODULES = {
    "AdversarialDiscrepancy": "dfad_tf.synthesis.objectives",
    "AttentionTransfer": "dfad_tf.losses",
    "BatchNormStatistics": "dfad_tf.synthesis.objectives",
    "BilinearResize": "dfad_tf.synthesis.generators.convolutional",
    "CoupledSGD": "dfad_tf.compute.optimizers",
    "DataFreeDistiller": "dfad_tf.distillation.distiller",
    "FusedBatchNormalization": "dfad_tf.compute.fast_layers",
    "InformationEntropy": "dfad_tf.synthesis.objectives",
    "JensenShannonDiscrepancy": "dfad_tf.losses",
    "KullbackLeiblerDiscrepancy": "dfad_tf.losses",
    "LogitsActivation": "dfad_tf.synthesis.objectives",
    "Method": "dfad_tf.methods.method",
    "ProductGradientConv2D": "dfad_tf.compute.fast_layers",
    "RepresentationActivation": "dfad_tf.synthesis.objectives",
    "SavedModelTeacher": "dfad_tf.teachers.saved_model_teacher",
    "ScaledSchedule": "dfad_tf.compute.optimizers",
    "UpsampledConv2D": "dfad_tf.synthesis.generators.upsampled_convolution",
    "VirtualInterpolation": "dfad_tf.methods.interpolation",
}


class _StandIn:
    """What Keras finds under a class's registered name until the class itself is imported.

    Args:
        name: Name of the class.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def from_config(self, config: dict[str, Any]) -> Any:
        """Import the class, which takes this object's place, and create an object of it."""
        return getattr(importlib.import_module(MODULES[self.name]), self.name).from_config(config)


def register_classes() -> None:
    """Register a stand-in of each class, now or as soon as Keras has been imported."""
    if "keras" in sys.modules:
        _register()
    else:
        sys.meta_path.insert(0, _AfterImport("keras", _register))


def _register() -> None:
    import keras

    known = keras.saving.get_custom_objects()
    for name in MODULES:
        known.setdefault(f"dfad_tf>{name}", _StandIn(name))


class _AfterImport(importlib.abc.MetaPathFinder):
    """Calls a function after a module has been imported, whoever imports it.

    Args:
        awaited: Name of the module.
        then: The function.
    """

    def __init__(self, awaited: str, then: Callable[[], None]) -> None:
        self.awaited, self.then = awaited, then

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self.awaited:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, self.then)
        return spec


class _Loader(importlib.abc.Loader):
    """Executes a module as its own loader does, and then calls a function."""

    def __init__(self, loader: importlib.abc.Loader, then: Callable[[], None]) -> None:
        self.loader, self.then = loader, then

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self.loader.exec_module(module)
        self.then()
