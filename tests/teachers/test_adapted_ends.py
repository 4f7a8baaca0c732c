"""Teachers with one output, without a channel, or of integers get the ends that are needed."""

import keras
import numpy as np
import pytest

from dfad_tf.teachers.adapted_ends import with_image_input, with_two_classes
from dfad_tf.teachers.description import describe_teacher
from dfad_tf.teachers.loading import load_teacher
from dfad_tf.teachers.saved_model_teacher import load_saved_model
from dfad_tf.utils.errors import InputError

L = keras.layers
COLOR = (16, 16, 3)


def images(shape, count=4):
    return np.random.default_rng(0).uniform(0, 1, (count, *shape)).astype("float32")


def small(*head, shape=COLOR, dtype=None):
    keras.utils.set_random_seed(0)
    body = [L.Conv2D(4, 3, activation="relu"), L.GlobalAveragePooling2D()]
    return keras.Sequential([keras.Input(shape, dtype=dtype), *body, *head])


def nested():
    inner = keras.Sequential([keras.Input((4,)), L.Dense(1, activation="sigmoid", name="answer")])
    return small(inner)


def without_dense():
    inputs = keras.Input(COLOR)
    x = L.GlobalAveragePooling2D()(L.Conv2D(1, 3)(inputs))
    return keras.Model(inputs, L.Activation("sigmoid")(x))


ONE_OUTPUT = {
    "sigmoid": lambda: small(L.Dense(1, activation="sigmoid")),
    "sigmoid_layer": lambda: small(L.Dense(1), L.Activation("sigmoid")),
    "logit": lambda: small(L.Dense(1, use_bias=False)),
    "nested": nested,
    "without_dense": without_dense,
}


@pytest.mark.parametrize("kind", ONE_OUTPUT)
def test_one_output_becomes_the_logits_0_and_z(kind, tmp_path):
    model = ONE_OUTPUT[kind]()
    model.save(tmp_path / "one.keras")
    teacher = load_teacher(str(tmp_path / "one.keras"))
    inputs = images(COLOR)
    wanted = np.asarray(model(inputs))
    if kind == "logit":
        wanted = 1 / (1 + np.exp(-wanted))
    logits = np.asarray(teacher(inputs))
    np.testing.assert_array_equal(logits[:, 0], 0)
    found = np.asarray(keras.ops.softmax(logits))
    np.testing.assert_allclose(found, np.concatenate([1 - wanted, wanted], 1), atol=1e-6)
    description = describe_teacher(teacher)
    assert description.num_classes == 2 and description.head == "logits"
    assert (description.features is None) == (kind == "without_dense")


@pytest.mark.parametrize("kind", ["sigmoid", "logit"])
def test_so_does_one_output_of_a_saved_model(kind, tmp_path):
    model = ONE_OUTPUT[kind]()
    model.export(tmp_path / "saved", verbose=False)
    teacher = load_saved_model(str(tmp_path / "saved"))
    inputs = images(COLOR)
    wanted = np.asarray(model(inputs))
    logits = np.asarray(teacher(inputs))
    found = logits[:, 1:] if kind == "logit" else 1 / (1 + np.exp(-logits[:, 1:]))
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    assert teacher.output_shape == (None, 2)


def test_several_sigmoids_are_refused_with_the_reason(tmp_path):
    small(L.Dense(3, activation="sigmoid")).save(tmp_path / "labels.keras")
    with pytest.raises(InputError, match="several labels per image"):
        describe_teacher(load_teacher(str(tmp_path / "labels.keras")))


def test_images_without_a_channel_get_one(tmp_path):
    model = keras.Sequential([keras.Input((12, 10)), L.Flatten(), L.Dense(3, activation="softmax")])
    model.save(tmp_path / "gray.keras")
    teacher = load_teacher(str(tmp_path / "gray.keras"))
    assert teacher.input_shape == (None, 12, 10, 1)
    inputs = images((12, 10, 1))
    np.testing.assert_allclose(teacher(inputs), model(inputs[..., 0]), atol=1e-6)
    assert load_teacher(str(tmp_path / "gray.keras"), (12, 10, 1)).input_shape[1:] == (12, 10, 1)


def test_camera_pixels_get_a_path_of_floats_with_a_gradient(tmp_path):
    """Keras would round the generator's images, through which no gradient passes."""
    model = keras.Sequential(
        [keras.Input(COLOR, dtype="uint8"), L.Rescaling(1 / 255), L.Flatten(), L.Dense(3)]
    )
    model.save(tmp_path / "camera.keras")
    teacher = load_teacher(str(tmp_path / "camera.keras"))
    assert teacher.inputs[0].dtype == "float32"
    pixels = np.rint(255 * images(COLOR))
    np.testing.assert_allclose(teacher(pixels), model(pixels.astype("uint8")), rtol=1e-5)
    assert describe_teacher(teacher).contract.range == "pixels"
    assert not np.array_equal(teacher(pixels), teacher(pixels + 0.5))


def test_a_cast_inside_of_the_teacher_is_refused(tmp_path):
    inputs = keras.Input(COLOR)
    x = keras.ops.cast(keras.ops.cast(inputs, "uint8"), "float32")
    keras.Model(inputs, L.Dense(3)(L.Flatten()(x))).save(tmp_path / "rounded.keras")
    with pytest.raises(InputError, match="gradient with respect to its images"):
        describe_teacher(load_teacher(str(tmp_path / "rounded.keras")))


def test_other_teachers_stay():
    model = small(L.Dense(3))
    assert with_image_input(model) is model and with_two_classes(model) is model


@pytest.mark.parametrize("as_saved_model", [False, True])
@pytest.mark.parametrize("outputs", [1, 3])
def test_the_type_of_the_input_says_that_pixels_are_raw(as_saved_model, outputs, tmp_path):
    inputs = keras.Input(COLOR, dtype="uint8")
    x = L.Conv2D(4, 3, activation="tanh")(keras.ops.cast(inputs, "float32"))
    model = keras.Model(inputs, L.Dense(outputs)(L.Flatten()(x)))
    path = tmp_path / ("model" if as_saved_model else "model.keras")
    if as_saved_model:
        model.export(path, verbose=False)
    else:
        model.save(path)
    contract = describe_teacher(load_teacher(str(path))).contract
    assert (contract.range, contract.source) == ("pixels", "its input has the type uint8")
