"""A `.keras` or `.h5` file is checked before Keras creates a model from it."""

import json
import subprocess
import time
import zipfile

import h5py
import keras
import pytest

from dfad_tf.teachers import hdf5_check
from dfad_tf.teachers.description import describe_teacher
from dfad_tf.teachers.keras_file_check import check_keras_file
from dfad_tf.teachers.loading import load_teacher
from dfad_tf.utils.errors import InputError
from tests.conftest import same, small_classifier


def with_lambda(path):
    inputs = keras.Input((8, 8, 1))
    twice = keras.layers.Lambda(lambda x: x * 2, output_shape=(8, 8, 1), name="twice")(inputs)
    outputs = keras.layers.Dense(3)(keras.layers.Flatten()(twice))
    keras.Model(inputs, outputs).save(path)
    return str(path)


@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_a_lambda_layer_is_rejected_by_name_unless_the_file_is_trusted(tmp_path, ending):
    path = with_lambda(tmp_path / f"teacher{ending}")
    with pytest.raises(InputError, match="the Lambda layer 'twice'.*`trust=True`") as caught:
        load_teacher(path)
    assert "\n" not in str(caught.value)
    teacher = load_teacher(path, trust=True)
    assert describe_teacher(teacher).num_classes == 3


def rewrite(path, edit):
    """Edit the configuration of a `.keras` file, as its author could."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    edit(config)
    members["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


@pytest.fixture
def teacher(tmp_path):
    small_classifier().save(tmp_path / "teacher.keras")
    return str(tmp_path / "teacher.keras")


def first_layer(config):
    return config["config"]["layers"][1]["config"]


def code(config):
    first_layer(config)["activation"] = {
        "class_name": "__lambda__", "config": {"code": "4wEAAAA=", "defaults": None},
    }  # fmt: skip


def function(config):
    first_layer(config)["activation"] = {
        "class_name": "function", "config": "plot_model", "module": "keras.utils",
        "registered_name": "plot_model",
    }  # fmt: skip


def module(config):
    config["config"]["layers"][1].update(module="os", class_name="system", registered_name=None)


def saved_model_layer(config):
    config["config"]["layers"][1].update(class_name="TFSMLayer", module="keras.layers")


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (code, "a Python function.*`trust=True`"),
        (function, "'plot_model' of 'keras.utils'.*`trust=True`"),
        (saved_model_layer, "a TFSMLayer layer.*`trust=True`"),
        (module, "that Keras can find.*'system'"),
    ],
)
def test_code_in_other_parts_of_a_layer_is_rejected(teacher, edit, message):
    rewrite(teacher, edit)
    with pytest.raises(InputError, match=message):
        load_teacher(teacher)


def test_a_file_that_only_keras_rejects_is_reported_with_the_argument(tmp_path):
    inputs = keras.Input((8, 8, 1))
    words = keras.layers.StringLookup(vocabulary=["a"], name="words")
    flat = keras.layers.Flatten()(inputs)
    keras.Model(inputs, keras.layers.Dense(3)(flat)).save(tmp_path / "teacher.keras")
    described = keras.saving.serialize_keras_object(words)
    described["config"]["vocabulary"] = "/etc/passwd"

    def put_in(config):
        described["inbound_nodes"] = config["config"]["layers"][1]["inbound_nodes"]
        described["name"] = "words"
        config["config"]["layers"].insert(2, described)

    rewrite(tmp_path / "teacher.keras", put_in)
    with pytest.raises(InputError, match="safe mode; pass `trust=True`"):
        load_teacher(str(tmp_path / "teacher.keras"))


def test_a_wrong_checksum_is_reported(teacher):
    with open(teacher, "rb") as file:
        content = bytearray(file.read())
    content[content.find(b"hidden")] ^= 1
    with open(teacher, "wb") as file:
        file.write(content)
    with pytest.raises(InputError, match="checksum of its member config.json is wrong"):
        check_keras_file(teacher)


def test_an_archive_with_a_huge_member_is_rejected(tmp_path):
    with zipfile.ZipFile(tmp_path / "t.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", b" " * 2**27)
    with pytest.raises(InputError, match="'config.json' expands to 134217728 bytes"):
        check_keras_file(str(tmp_path / "t.keras"))


def damaged_weights(path, edit):
    with h5py.File(path, "a") as file:
        edit(file)
    return str(path)


def far_too_large(file):
    file.create_dataset("x", shape=(2**40,), chunks=(2**20,), dtype="f4")


def in_another_file(file):
    file["model_weights/x"] = h5py.ExternalLink("/etc/passwd", "/")


def kept_outside(file):
    file.create_dataset("x", shape=(4,), dtype="u1", external=[("/etc/passwd", 0, 4)])


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (far_too_large, "states a size of 4398046511104 bytes"),
        (in_another_file, "is stored in another file"),
        (kept_outside, "is stored in another file"),
    ],
)
def test_weights_of_impossible_size_or_in_other_files_are_rejected(tmp_path, edit, message):
    small_classifier().save(tmp_path / "t.h5")
    with pytest.raises(InputError, match=message):
        check_keras_file(damaged_weights(tmp_path / "t.h5", edit))


def make_endless(path):
    """Empty the first object of each heap of strings, which puts HDF5 into an endless loop."""
    content = bytearray(path.read_bytes())
    place = content.find(b"GCOL")
    while place >= 0:
        content[place + 16 : place + 32] = bytes(16)
        place = content.find(b"GCOL", place + 1)
    path.write_bytes(content)


@pytest.mark.slow
def test_a_file_that_hangs_the_library_is_rejected(tmp_path, monkeypatch):
    monkeypatch.setattr(hdf5_check, "_MIN_SECONDS", 2)
    small_classifier().save(tmp_path / "t.h5")
    make_endless(tmp_path / "t.h5")
    began = time.monotonic()
    with pytest.raises(InputError, match="hangs the HDF5 library"):
        check_keras_file(str(tmp_path / "t.h5"))
    assert time.monotonic() - began < 50  # of processor time, not the longer wall-clock limit


def test_a_crash_of_the_library_is_reported_and_a_missing_library_is_ignored(tmp_path, monkeypatch):
    small_classifier().save(tmp_path / "t.h5")
    path, run = str(tmp_path / "t.h5"), subprocess.run

    def instead(code):
        def run_instead(command, **arguments):
            return run([command[0], "-c", code], **arguments)

        monkeypatch.setattr(hdf5_check.subprocess, "run", run_instead)

    instead("import os; os.abort()")
    with pytest.raises(InputError, match="crashes the HDF5 library"):
        check_keras_file(path)
    instead("raise ImportError")  # this does not concern the file
    check_keras_file(path)


def test_loading_does_not_change_the_weights(teacher):
    expected = keras.models.load_model(teacher).get_weights()
    assert same(load_teacher(teacher).get_weights(), expected)
