"""Files of a distiller load in a new process after `import dfad_tf` alone, and train on."""

import subprocess
import sys

import keras
import numpy as np
import pytest

import dfad_tf
from dfad_tf import methods
from dfad_tf.compute.optimizers import CoupledSGD
from dfad_tf.compute.training_state import read_state
from dfad_tf.methods import Settings
from dfad_tf.methods.interpolation import VirtualInterpolation
from tests.helpers.small_distiller import fit, make

# The new process knows neither the classes nor the tests.
LOAD = """
import sys
import dfad_tf
assert "tensorflow" not in sys.modules and "keras" not in sys.modules
import keras
import numpy as np
distiller = keras.saving.load_model(sys.argv[1])
assert type(distiller).__name__ == "DataFreeDistiller" and distiller.compiled
assert not distiller.teacher.trainable
from dfad_tf.compute.training_state import read_state
np.savez("loaded.npz", **read_state(distiller))
distiller.fit(batch_size=8, epochs=1, steps_per_epoch=2, held_out_images=0, verbose=0)
np.savez("trained.npz", **read_state(distiller))
method = distiller.method
print([
    type(distiller.optimizer).__name__,
    type(distiller.generator_optimizer).__name__,
    round(float(distiller.optimizer.learning_rate), 6),
    method.name, method.student_steps, method.interpolation.alpha, method.memory_size,
    distiller.seed, distiller.compile_arguments["precision"],
])
"""


def build():
    interpolation = VirtualInterpolation(alpha=0.5)
    settings = Settings(student_steps=2, memory_size=16, interpolation=interpolation)
    distiller = make(methods.get("proposed", settings))
    distiller.compile(
        CoupledSGD(0.01, momentum=0.9), "adam", distiller.method, seed=4, jit_compile=False
    )
    return distiller


def written_by_save(path, distiller):
    fit(distiller, held_out_images=0)
    distiller.save(path)


def written_by_checkpoint(path, distiller):
    checkpoint = keras.callbacks.ModelCheckpoint(path)
    fit(distiller, held_out_images=0, callbacks=[checkpoint])


@pytest.mark.slow
@pytest.mark.parametrize("write", [written_by_save, written_by_checkpoint])
def test_a_distiller_loads_in_a_new_process_and_trains_on(write, tmp_path):
    path, distiller = tmp_path / "distiller.keras", build()
    write(path, distiller)
    before = read_state(distiller)
    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(path)], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    kept = ["CoupledSGD", "Adam", 0.01, "proposed+memory", 2, 0.5, 16, 4, None]
    assert done.stdout.splitlines()[-1] == str(kept)
    loaded, trained = np.load(tmp_path / "loaded.npz"), np.load(tmp_path / "trained.npz")
    parts = {"student", "generator", "optimizer", "generator_optimizer"}
    names = [name for name in before if name.split("/")[0] in parts]
    assert {name.split("/")[0] for name in names} == parts
    for name in names:
        np.testing.assert_array_equal(loaded[name], before[name], err_msg=name)
    assert any(not np.array_equal(trained[name], before[name]) for name in names)
    assert int(distiller.generator_optimizer.iterations) == 2


@pytest.mark.slow
def test_a_student_loads_without_this_package(tmp_path):
    distiller = build()
    fit(distiller)
    distiller.student.save(tmp_path / "student.keras")
    images = np.ones((2, 8, 8, 1), np.float32)
    code = (
        "import sys, keras, numpy as np\n"
        "student = keras.saving.load_model('student.keras')\n"
        "assert 'dfad_tf' not in sys.modules\n"
        "np.save('logits.npy', student.predict(np.ones((2, 8, 8, 1), np.float32), verbose=0))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    expected = distiller.student.predict(images, verbose=0)
    np.testing.assert_allclose(np.load(tmp_path / "logits.npy"), expected, rtol=1e-5)
    assert dfad_tf.DataFreeDistiller is type(distiller)
