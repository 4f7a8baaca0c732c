"""Files that Keras 2 wrote are read, and the models answer as in Keras 2."""

import json
import pathlib
import shutil

import h5py
import keras
import numpy as np
import pytest

from dfad_tf.teachers.keras2.files import is_keras2_file, load_keras2_file
from dfad_tf.teachers.loading import load_keras_file, load_teacher
from dfad_tf.utils.errors import InputError

FOLDER = pathlib.Path(__file__).parents[2] / "data_files" / "keras2"
FILES = sorted(path.name for path in FOLDER.glob("*.*") if path.suffix in (".h5", ".keras"))


@pytest.fixture(scope="module")
def answers():
    with np.load(FOLDER / "answers.npz") as file:
        return dict(file)


def check(model, name, answers):
    images, wanted = (answers[f"{name}_{what}"] for what in ("images", "answers"))
    found = keras.ops.convert_to_numpy(model(images, training=False))
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_there_are_files_of_both_formats():
    assert len(FILES) == 13 and sum(name.endswith(".keras") for name in FILES) == 6


@pytest.mark.parametrize("file", FILES)
def test_the_answers_are_those_of_keras_2(file, answers):
    check(load_keras_file(str(FOLDER / file)), file.split(".")[0], answers)


@pytest.mark.parametrize("suffix", [".keras", ".model", ".hdf5", ".h5", ".bin"])
@pytest.mark.parametrize("file", ["sequential.h5", "sequential.keras"])
def test_the_content_decides_and_not_the_suffix(tmp_path, file, suffix, answers):
    path = tmp_path / f"teacher{suffix}"
    shutil.copy(FOLDER / file, path)
    check(load_teacher(str(path)), "sequential", answers)


def test_files_of_keras_3_are_not_those_of_keras_2(tmp_path):
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()])
    for suffix in (".keras", ".h5"):
        model.save(tmp_path / f"model{suffix}")
        assert not is_keras2_file(str(tmp_path / f"model{suffix}"))
    assert is_keras2_file(str(FOLDER / "sequential.keras"))


def test_the_version_may_be_beside_the_weights(tmp_path):
    path = tmp_path / "model.h5"
    shutil.copy(FOLDER / "sequential.h5", path)
    with h5py.File(path, "r+") as file:
        version = file.attrs["keras_version"]
        del file.attrs["keras_version"]
        file["model_weights"].attrs["keras_version"] = version
    assert is_keras2_file(str(path))
    with h5py.File(path, "r+") as file:
        file["model_weights"].attrs["keras_version"] = "3.5.0"
    assert not is_keras2_file(str(path))


def edited(path, edit):
    """Copy a file of Keras 2 with another configuration, as older versions wrote it."""
    shutil.copy(FOLDER / "sequential.h5", path)
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        edit(config)
        file.attrs["model_config"] = json.dumps(config)
    return str(path)


def list_of_layers(config):  # Keras 2.0 to 2.2.2
    config["config"] = config["config"]["layers"]


def without_input_layer(config):  # before TensorFlow 2.3
    config["config"]["layers"].pop(0)


def initializers_with_dtype(config):  # TensorFlow 1.13 to 2.2
    for layer in config["config"]["layers"]:
        for key in layer["config"]:
            if key.endswith("kernel_initializer"):
                settings = {"scale": 1.0, "mode": "fan_avg", "distribution": "uniform"}
                layer["config"][key] = {
                    "class_name": "VarianceScaling",
                    "config": {**settings, "seed": None, "dtype": "float32"},
                }


def policies(config):
    for layer in config["config"]["layers"]:
        layer["config"]["dtype"] = {"class_name": "Policy", "config": {"name": "float32"}}


@pytest.mark.parametrize(
    "edit", [list_of_layers, without_input_layer, initializers_with_dtype, policies]
)
def test_configurations_of_older_versions_are_read(tmp_path, edit, answers):
    check(load_keras2_file(edited(tmp_path / "model.h5", edit)), "sequential", answers)


def test_what_keras_3_does_not_have_is_named(tmp_path):
    def custom(config):
        config["config"]["layers"][2]["class_name"] = "MyBlock"

    path = edited(tmp_path / "model.h5", custom)
    with pytest.raises(InputError, match="'MyBlock'.*SavedModel.*model.h5"):
        load_teacher(path)


def test_a_pointer_of_git_lfs_is_named_as_one(tmp_path):
    path = tmp_path / "model.keras"
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    with pytest.raises(InputError, match="pointer of Git LFS"):
        load_teacher(str(path))
