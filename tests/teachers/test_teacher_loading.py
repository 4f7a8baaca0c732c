"""A user-supplied teacher is loaded from every format, or rejected in one line."""

import keras
import numpy as np
import pytest

from dfad_tf.data.pixel_contract import PixelContract
from dfad_tf.teachers.description import describe_teacher
from dfad_tf.teachers.loading import load_keras_file, load_teacher
from dfad_tf.utils.errors import InputError
from tests.conftest import small_classifier
from tests.helpers.odd_models import MODELS, write


@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_both_file_formats_are_loaded(tmp_path, ending):
    model = small_classifier((9, 12, 2), classes=4)
    path = str(tmp_path / f"teacher{ending}")
    model.save(path)
    teacher = load_teacher(path)
    images = np.random.default_rng(0).normal(size=(3, 9, 12, 2))
    np.testing.assert_allclose(teacher(images), model(images), rtol=1e-6)
    assert not teacher.trainable


def test_a_description_has_shape_classes_head_and_features():
    model = small_classifier((9, 12, 2), classes=4, softmax=True)
    found = describe_teacher(model)
    assert found.image_shape == (9, 12, 2) and found.num_classes == 4
    assert found.head == "softmax" and found.features == "hidden"
    assert len(found.contract.mean) == 2


def test_an_image_shape_completes_a_model_that_states_none(tmp_path):
    inputs = keras.Input((None, None, 3))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(inputs))
    keras.Model(inputs, keras.layers.Dense(3)(x)).save(tmp_path / "open.keras")
    path = str(tmp_path / "open.keras")
    with pytest.raises(InputError, match="`image_shape`"):
        load_teacher(path)
    teacher = load_teacher(path, (10, 12, 3))
    assert teacher.input_shape == (None, 10, 12, 3)
    assert describe_teacher(teacher).features


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("absent", "absent"),
        ("truncated", "could not be read"),
        ("text", "could not be read"),
        ("empty", "could not be read"),
        ("other_zip", "could not be read"),
        ("weights_only", "could not be read"),
        ("nan", "NaN"),
        ("map", r"\(batch, classes\)"),
        ("no_class", "at least 2 classes"),
        ("vector", "height, width, channels"),
        ("small", r"\(7, 8, 1\)"),
        ("five_channels", r"\(8, 8, 5\)"),
        ("two_outputs", "one output"),
    ],
)
def test_files_that_are_not_classifiers_are_rejected_in_one_line(tmp_path, kind, message):
    with pytest.raises(InputError, match=message) as caught:
        load_teacher(write(tmp_path, kind))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_an_unknown_layer_is_named(tmp_path, ending):
    MODELS["unknown_layer"]().save(tmp_path / f"teacher{ending}")
    with pytest.raises(InputError, match="Received: 'Unregistered'.*export.* SavedModel"):
        load_teacher(str(tmp_path / f"teacher{ending}"))


def test_a_folder_without_a_saved_model_is_rejected(tmp_path):
    with pytest.raises(InputError, match="saved_model.pb"):
        load_teacher(str(tmp_path))


def test_another_format_is_rejected(tmp_path):
    (tmp_path / "teacher.pt").write_bytes(b"x")
    with pytest.raises(InputError, match="Expected `path` to be a .keras or .h5"):
        load_keras_file(str(tmp_path / "teacher.pt"))


def test_a_sigmoid_head_is_rejected():
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Dense(3, activation="sigmoid")(keras.layers.Flatten()(inputs))
    with pytest.raises(InputError, match="sigmoid"):
        describe_teacher(keras.Model(inputs, x))


def test_an_image_shape_that_contradicts_the_model_is_rejected(tmp_path):
    small_classifier().save(tmp_path / "teacher.keras")
    with pytest.raises(InputError, match=r"`image_shape` to equal .*\(8, 8, 1\).*\(9, 9, 1\)"):
        load_teacher(str(tmp_path / "teacher.keras"), (9, 9, 1))


def test_outputs_that_are_not_finite_name_the_contract():
    model = small_classifier()
    model.layers[-1].bias.assign([np.nan, 0, 0])
    with pytest.raises(InputError, match="finite outputs.*`contract`"):
        describe_teacher(model, PixelContract("pixels"))
