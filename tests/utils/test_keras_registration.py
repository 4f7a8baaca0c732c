"""Files with our classes load after `import dfad_tf` alone, those of 0.5.0 among them."""

import pathlib
import re
import subprocess
import sys
from importlib.metadata import version

import pytest

import dfad_tf
from dfad_tf.utils import keras_registration

FILES = pathlib.Path(__file__).parent.parent / "data_files" / "v0_5_0"
LOAD = """
import sys
{imports}
assert "keras" in sys.modules or "tensorflow" not in sys.modules
import keras
import numpy as np
expected = np.load(r"{folder}/expected.npz")
{use}
"""
GENERATOR = """
generator = keras.saving.load_model(r"{folder}/generator.keras")
images = np.array(generator(expected["latent"]))
np.testing.assert_allclose(images, expected["images"], atol=1e-3)
"""
DISTILLER = """
distiller = keras.saving.load_model(r"{folder}/distiller.keras")
for index, weights in enumerate(distiller.student.get_weights()):
    np.testing.assert_array_equal(weights, expected[f"student_{{index}}"])
assert distiller.method.name == "proposed+memory" and distiller.method.image_source == "fresh"
assert distiller.method.student_steps == 2 and distiller.method.memory_size == 16
"""


@pytest.mark.slow
# Keras writes arguments of initializers into a file that its earlier releases do not know.
@pytest.mark.skipif(
    tuple(map(int, version("keras").split(".")[:2])) < (3, 15),
    reason="Keras 3.15 wrote the files, and earlier releases cannot read their initializers.",
)
@pytest.mark.parametrize("imports", ["import dfad_tf", "import keras, dfad_tf"])
@pytest.mark.parametrize("use", [GENERATOR, DISTILLER], ids=["generator", "distiller"])
def test_files_of_0_5_0_load_after_import_dfad_tf_alone(imports, use):
    code = LOAD.format(imports=imports, folder=FILES, use=use.format(folder=FILES))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_table_names_every_class_that_keras_can_save():
    package = pathlib.Path(dfad_tf.__file__).parent
    found = set()
    for path in package.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        decorated = r'register_keras_serializable\("dfad_tf"\)\n(?:@.*\n)*class (\w+)'
        found |= set(re.findall(decorated, text))
    assert found == set(keras_registration.MODULES)


@pytest.mark.parametrize("name", keras_registration.MODULES)
def test_each_class_is_where_the_table_says(name):
    import importlib

    import keras

    module = importlib.import_module(keras_registration.MODULES[name])
    assert keras.saving.get_registered_object(f"dfad_tf>{name}") is getattr(module, name)


UNDISTURBED = """
import importlib.util, pkgutil, sys
import dfad_tf
assert importlib.util.find_spec("keras") is not None  # a program that asks whether Keras is there
{failure}
import keras
from importlib import resources
assert keras.saving.get_registered_object("dfad_tf>Method").__name__ == "Method"
assert type(keras.__loader__).__module__.startswith(("_frozen", "importlib"))
assert resources.files("keras").joinpath("__init__.py").is_file()
import importlib
importlib.reload(keras)
assert not any(type(f).__module__.startswith("dfad_tf") for f in sys.meta_path)
"""
FAILURE = """
import os
os.environ["KERAS_BACKEND"] = "none"  # the import of Keras fails, and is tried again
try:
    import keras
except (ImportError, ValueError):
    del os.environ["KERAS_BACKEND"]
else:
    raise SystemExit("It was imported.")
for name in [n for n in sys.modules if n.split(".")[0] == "keras"]:
    del sys.modules[name]
"""


@pytest.mark.slow
@pytest.mark.parametrize("failure", ["", FAILURE], ids=["first import", "second import"])
def test_keras_is_imported_as_if_nothing_waited_for_it(failure):
    code = UNDISTURBED.format(failure=failure)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
