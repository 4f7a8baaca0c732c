"""Let Keras find the package's classes in a file, without importing TensorFlow for it.

Keras looks a saved class up among the registered ones, and a class is registered when its
module is imported. Here a stand-in of each is registered as soon as Keras is imported, and
imports the module when a file needs the class.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
import threading
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

# The module of each class that carries `register_keras_serializable`. A test compares the two.
MODULES = {
    "AdversarialDiscrepancy": "dfad_tf.synthesis.objectives",
    "AttentionTransfer": "dfad_tf.losses",
    "BatchNormStatistics": "dfad_tf.synthesis.objectives",
    "BilinearResize": "dfad_tf.synthesis.generators.bilinear_resize",
    "ContrastiveDiversity": "dfad_tf.synthesis.objectives",
    "CoupledSGD": "dfad_tf.compute.optimizers",
    "DataFreeDistiller": "dfad_tf.distillation.distiller",
    "FeatureMatching": "dfad_tf.losses",
    "FusedBatchNormalization": "dfad_tf.compute.fast_layers",
    "InformationEntropy": "dfad_tf.synthesis.objectives",
    "Inversion": "dfad_tf.synthesis.inversion",
    "JensenShannonDiscrepancy": "dfad_tf.losses",
    "KullbackLeiblerDiscrepancy": "dfad_tf.losses",
    "LogitsActivation": "dfad_tf.synthesis.objectives",
    "Method": "dfad_tf.methods.method",
    "ProductGradientConv2D": "dfad_tf.compute.fast_layers",
    "RepresentationActivation": "dfad_tf.synthesis.objectives",
    "SavedModelTeacher": "dfad_tf.teachers.saved_model_teacher",
    "ScaledSchedule": "dfad_tf.compute.optimizers",
    "TargetLabels": "dfad_tf.synthesis.objectives",
    "TotalVariation": "dfad_tf.synthesis.objectives",
    "UpsampledConv2D": "dfad_tf.synthesis.generators.upsampled_convolution",
    "VirtualInterpolation": "dfad_tf.methods.interpolation",
}


class _StandIn:
    """What Keras finds under a class's registered name until the class itself is imported.

    Args:
        name: Name of the class.
    """

    def __init__(self, name: str) -> None:
        self.__name__ = name

    def from_config(self, config: dict[str, Any]) -> Any:
        """Import the class, which takes this object's place, and create an object of it."""
        module = importlib.import_module(MODULES[self.__name__])
        return getattr(module, self.__name__).from_config(config)


def register_classes() -> None:
    """Register a stand-in of each class, now or as soon as Keras has been imported."""
    if hasattr(sys.modules.get("keras"), "saving"):
        _register()
    else:  # not imported yet, or being imported at this moment
        sys.meta_path.insert(0, _AfterImport("keras", _register))


def _register() -> None:
    import keras

    known = keras.saving.get_custom_objects()
    for name in MODULES:
        known.setdefault(f"dfad_tf>{name}", _StandIn(name))


class _AfterImport(importlib.abc.MetaPathFinder):
    """Calls a function after a module has been imported, whoever imports it.

    It stays in place when a program only asks where the module is, and when an import fails.

    Args:
        awaited: Name of the module.
        then: The function.
    """

    def __init__(self, awaited: str, then: Callable[[], None]) -> None:
        self.awaited, self.then = awaited, then
        self._searching = threading.local()

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self.awaited or getattr(self._searching, "now", False):
            return None
        self._searching.now = True  # the search below comes here again
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._searching.now = False
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, self)
        return spec

    def imported(self) -> None:
        """Call the function, once."""
        if self in sys.meta_path:
            with contextlib.suppress(ValueError):  # another thread was faster
                sys.meta_path.remove(self)
            self.then()


class _Loader(importlib.abc.Loader):
    """Executes a module as its own loader does, and then reports that it is imported."""

    def __init__(self, loader: importlib.abc.Loader, hook: _AfterImport) -> None:
        self.loader, self.hook = loader, hook

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        # The module keeps its own loader, which resources and reloading use.
        if module.__spec__ is not None:
            module.__spec__.loader = self.loader
        module.__loader__ = self.loader
        self.loader.exec_module(module)
        self.hook.imported()
