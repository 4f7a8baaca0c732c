"""A missing teacher is trained by its recipe, kept, and used again."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from dfad_tf.compute.optimizers import CoupledSGD, make_optimizer
from dfad_tf.data.datasets import open_dataset
from dfad_tf.data.labelled_batches import (
    AUGMENTATIONS,
    _augment,
    channel_statistics,
    labelled_batches,
)
from dfad_tf.teachers import cache
from dfad_tf.teachers.training import TeacherRecipe, train_teacher
from dfad_tf.utils.errors import InputError
from tests.conftest import same
from tests.helpers.interrupt import Interrupt

RECIPE = TeacherRecipe("mlp", 2, 64, "adam", 1e-3)
SHAPE = (8, 8, 1)


def test_it_learns_from_real_images_and_holds_its_preprocessing():
    recipe = dataclasses.replace(RECIPE, epochs=12)
    digits = open_dataset("digits")
    model = train_teacher(recipe, digits, SHAPE, verbose=0)
    images, labels = digits.load("test", SHAPE)
    predicted = model.predict(images.astype("float32"), verbose=0).argmax(-1)
    assert np.mean(predicted == labels) > 0.9
    layer = model.get_layer("standardize")
    mean, std = channel_statistics(digits.load("train", SHAPE)[0])
    np.testing.assert_allclose(np.ravel(layer.mean), mean, rtol=1e-4)
    np.testing.assert_allclose(np.sqrt(np.ravel(layer.variance)), std, rtol=1e-4)


def test_it_is_trained_once_and_another_recipe_is_another_teacher(tmp_path, monkeypatch):
    digits = open_dataset("digits")
    first, path, trained = cache.cached_teacher(RECIPE, digits, SHAPE, tmp_path, 0)
    assert trained and path.with_suffix(".json").exists()
    monkeypatch.setattr(cache, "train_teacher", None)
    again, same_path, trained = cache.cached_teacher(RECIPE, digits, SHAPE, tmp_path, 0)
    assert not trained and same_path == path
    images = digits.load("test", SHAPE)[0][:5].astype("float32")
    np.testing.assert_array_equal(first(images), again(images))
    for change in ({"seed": 1}, {"epochs": 3}, {"augmentation": "crop"}):
        other = dataclasses.replace(RECIPE, **change)
        assert cache.teacher_path(other, "digits", SHAPE, tmp_path) != path


def test_a_cache_that_cannot_be_written_is_told_before_training(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(cache, "train_teacher", None)
    with pytest.raises(InputError, match="--teacher_cache"):
        cache.cached_teacher(RECIPE, open_dataset("digits"), SHAPE, tmp_path / "file")


@pytest.mark.parametrize("kind", AUGMENTATIONS[1:])
def test_augmentation_is_of_its_kind_and_repeats_by_its_seed(kind):
    image = tf.constant(np.random.default_rng(0).integers(1, 255, (16, 16, 3), np.uint8))
    drawn = [_augment(image, (0, key), kind).numpy() for key in range(20)]
    assert all(d.shape == (16, 16, 3) for d in drawn)
    assert len({d.tobytes() for d in drawn}) > 10
    np.testing.assert_array_equal(drawn[3], _augment(image, (0, 3), kind))
    # A crop keeps a window of the image: some shift of it, or of its mirror, is the same.
    padded = np.pad(image, [[4, 4], [4, 4], [0, 0]])
    mirrors = [padded, padded[:, ::-1]] if "flip" in kind else [padded]
    windows = [m[i : i + 16, j : j + 16] for m in mirrors for i in range(9) for j in range(9)]
    seen = [any(((d == w) | (d == 0)).all() for w in windows) for d in drawn]
    assert all(seen)


def test_cutout_takes_a_square_out():
    image = tf.fill((16, 16, 1), tf.constant(255, tf.uint8))
    removed = [
        (_augment(image, (1, key), "crop_flip_cutout").numpy() == 0).mean() for key in range(30)
    ]
    assert 0.1 < np.mean(removed) < 0.6


class Labels(keras.Model):
    """Learns nothing; keeps what labels each epoch of `fit` brings, in their order."""

    def __init__(self):
        super().__init__()
        self.seen, self.built = [], True

    def train_step(self, data):
        self.seen.append(data[1].numpy())
        return {"loss": 0.0}

    def _symbolic_build(self, *arguments, **more):
        pass


def epochs_of_labels(augmentation, count, first_epoch=0):
    images = np.zeros((50, 8, 8, 1), np.uint8)
    model = Labels()
    model.compile(run_eagerly=True)
    data = labelled_batches(images, np.arange(50), 32, augmentation, 3, count, first_epoch)
    model.fit(data, epochs=3 - first_epoch, shuffle=False, verbose=0)
    return np.concatenate(model.seen).reshape(3 - first_epoch, -1)


@pytest.mark.parametrize("augmentation", ["none", "crop"])
@pytest.mark.parametrize("count", [50, 100, 130])
def test_a_later_epoch_has_the_order_that_it_has_behind_the_others(augmentation, count):
    straight = epochs_of_labels(augmentation, count)
    assert not np.array_equal(straight[1], straight[2])
    for first_epoch in (1, 2):
        found = epochs_of_labels(augmentation, count, first_epoch)
        np.testing.assert_array_equal(found, straight[first_epoch:])


# In an epoch of three steps: in its middle, and behind its last one.
@pytest.mark.parametrize(("augmentation", "at"), [("crop", (1, 0)), ("none", (1, 2))])
def test_a_teacher_that_was_cut_becomes_the_one_that_was_not(
    tmp_path, monkeypatch, augmentation, at
):
    recipe = dataclasses.replace(RECIPE, epochs=3, batch_size=512, augmentation=augmentation)
    digits = open_dataset("digits")
    straight = train_teacher(recipe, digits, SHAPE, verbose=0).get_weights()

    def cut(recipe, dataset, shape, verbose, callbacks, first_epoch):
        callbacks = [*callbacks, Interrupt(*at)]
        return train_teacher(recipe, dataset, shape, verbose, callbacks, first_epoch)

    with monkeypatch.context() as patch, pytest.raises(MemoryError):
        patch.setattr(cache, "train_teacher", cut)
        cache.cached_teacher(recipe, digits, SHAPE, tmp_path, 0, every="1")
    assert {path.suffix for path in tmp_path.iterdir()} == {".backup", ".lock"}
    resumed, path, trained = cache.cached_teacher(recipe, digits, SHAPE, tmp_path, 0)
    assert trained and same(resumed.get_weights(), straight)
    assert {path.suffix for path in tmp_path.iterdir()} == {".keras", ".json", ".lock"}


def test_optimizers():
    sgd = make_optimizer("sgd", 0.1, 5e-4)
    assert isinstance(sgd, CoupledSGD) and sgd.momentum == 0.9 and sgd.coupled_weight_decay == 5e-4
    assert make_optimizer("adam", 1e-3, beta_1=0.5).beta_1 == 0.5
    assert isinstance(make_optimizer("adam", 1e-3), keras.optimizers.Adam)
    with pytest.raises(InputError, match="optimizer"):
        make_optimizer("rmsprop", 1e-3)
