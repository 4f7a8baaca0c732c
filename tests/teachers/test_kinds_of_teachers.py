"""Seventy teachers of all kinds of heads, inputs, preprocessing and files, as users bring them."""

import itertools
import random
import shutil

import keras
import numpy as np
import pytest

from dfad_tf.teachers.description import describe_teacher
from dfad_tf.teachers.loading import load_teacher
from dfad_tf.teachers.teacher_signals import TeacherSignals

layers = keras.layers
SIDE = 12
HEADS = ("softmax", "logits", "softmax layer", "one sigmoid", "one logit")
INPUTS = ("color", "gray", "no channel", "uint8", "four channels")
PREPROCESSING = (
    "rescaling", "rescaling to -1", "operations", "nested operations", "behind augmentation",
    "normalization", "inside of a backbone", "centered",
)  # fmt: skip
FILES = (".keras", ".h5", "saved model", ".keras named .h5", ".h5 named .keras")
SHAPES = {
    "color": (SIDE, SIDE, 3),
    "gray": (SIDE, SIDE, 1),
    "no channel": (SIDE, SIDE),
    "uint8": (SIDE, SIDE, 3),
    "four channels": (SIDE, SIDE, 4),
}
# What each preprocessing does with raw pixels: a factor, and an offset.
AFFINE = {
    "rescaling": (1 / 255, 0.0),
    "behind augmentation": (1 / 255, 0.0),
    "inside of a backbone": (1 / 255, 0.0),
    "rescaling to -1": (1 / 127.5, -1.0),
    "operations": (1 / 127.5, -1.0),
    "nested operations": (1 / 127.5, -1.0),
    "normalization": (1 / 60, -2.0),
    "centered": (1.0, -110.0),
}


def can_be_saved(head, kind, prepared, file):
    """Return whether Keras saves and reads such a model."""
    if prepared == "behind augmentation" and (
        kind in ("no channel", "uint8") or file == "saved model"
    ):
        return False  # augmentation needs a channel and floats, and is exported as in training
    if file in (".h5", ".h5 named .keras"):
        # Keras 3 does not read operations from its own HDF5 files.
        return kind != "uint8" and "operations" not in prepared
    return True


def kinds():
    """Seventy of the kinds that can be saved."""
    possible = itertools.product(HEADS, INPUTS, PREPROCESSING, FILES)
    return random.Random(19).sample([kind for kind in possible if can_be_saved(*kind)], 70)


def backbone(shape, prepared):
    inputs = x = keras.Input(shape)
    if prepared == "inside of a backbone":
        x = layers.Rescaling(1 / 255)(x)
    x = layers.Conv2D(6, 3, padding="same", activation="relu")(x)
    x = layers.Conv2D(8, 3, strides=2, activation="relu")(x)
    return keras.Model(inputs, layers.GlobalAveragePooling2D()(x), name="backbone")


def build(head, kind, prepared):
    """A model with random weights of the size of trained ones."""
    keras.utils.set_random_seed(len(head) + 10 * len(kind) + 100 * len(prepared))
    shape = SHAPES[kind]
    inputs = x = keras.Input(shape, dtype="uint8" if kind == "uint8" else "float32")
    if kind == "uint8":
        x = keras.ops.cast(x, "float32")
    factor, offset = AFFINE[prepared]
    if prepared == "behind augmentation":
        x = layers.RandomFlip("horizontal")(layers.RandomTranslation(0.1, 0.1)(x))
    if prepared in ("rescaling", "rescaling to -1", "behind augmentation", "centered"):
        x = layers.Rescaling(factor, offset=offset)(x)
    elif prepared in ("operations", "nested operations"):
        x = x / 127.5 - 1.0
    elif prepared == "normalization":
        x = layers.Normalization(mean=120.0, variance=3600.0, axis=None)(x)
    if kind == "no channel":
        x = layers.Reshape((*shape, 1))(x)
    body = backbone(x.shape[1:], prepared)
    if prepared in ("nested operations", "inside of a backbone"):
        x = body(x)
    else:
        for layer in body.layers[1:]:
            x = layer(x)
    classes = 1 if head.startswith("one") else 4
    activation = {"softmax": "softmax", "one sigmoid": "sigmoid"}.get(head)
    scale = 8.0 / abs(factor * 255)
    first = layers.Dense(classes, activation=activation, kernel_initializer=_random(scale))
    x = first(x)
    if head == "softmax layer":
        x = layers.Softmax()(x)
    return keras.Model(inputs, x)


def _random(scale):
    return keras.initializers.RandomNormal(stddev=scale, seed=3)


def save(model, file, folder):
    """Save a model, and return where it is."""
    if file == "saved model":
        model.export(folder / "teacher", verbose=False)
        return folder / "teacher"
    content, _, name = file.partition(" named ")
    model.save(folder / f"model{content}")
    if name:
        shutil.move(folder / f"model{content}", folder / f"renamed{name}")
        return folder / f"renamed{name}"
    return folder / f"model{content}"


def test_there_are_seventy_kinds_that_cover_all_values():
    found = kinds()
    assert len(set(found)) == 70
    for place, values in enumerate((HEADS, INPUTS, PREPROCESSING, FILES)):
        assert {kind[place] for kind in found} == set(values)
    pairs = {(kind[0], kind[3]) for kind in found}
    assert pairs == set(itertools.product(HEADS, FILES))
    assert {(kind[0], kind[1]) for kind in found} == set(itertools.product(HEADS, INPUTS))


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
@pytest.mark.parametrize(("head", "kind", "prepared", "file"), kinds())
def test_a_teacher_is_read(head, kind, prepared, file, tmp_path):
    model = build(head, kind, prepared)
    teacher = load_teacher(str(save(model, file, tmp_path)))
    found = describe_teacher(teacher)
    shape = SHAPES[kind]
    channels = shape[2] if len(shape) == 3 else 1
    assert found.image_shape == (SIDE, SIDE, channels)
    assert found.num_classes == (2 if head.startswith("one") else 4)
    assert found.contract.range == "pixels"
    assert "preprocessing" in found.contract.source
    pixels = np.random.default_rng(0).integers(0, 256, (6, *shape)).astype("float32")
    given = pixels.astype("uint8") if kind == "uint8" else pixels
    expected = np.asarray(model(given, training=False), float)
    images = pixels if len(shape) == 3 else pixels[..., None]
    logits = np.asarray(TeacherSignals(teacher)(images)[0], float)
    assert logits.shape == (6, found.num_classes)
    probabilities = np.exp(logits - logits.max(-1, keepdims=True))
    probabilities /= probabilities.sum(-1, keepdims=True)
    if head == "one sigmoid":
        np.testing.assert_allclose(probabilities[:, 1:], expected, atol=1e-4)
    elif head == "one logit":
        np.testing.assert_allclose(logits[:, 1:] - logits[:, :1], expected, rtol=1e-3, atol=1e-3)
    elif head == "logits":
        np.testing.assert_allclose(logits, expected, rtol=1e-3, atol=1e-3)
    else:
        np.testing.assert_allclose(probabilities, expected, atol=1e-4)
