"""A missing teacher is trained with its recipe, saved in the cache, and used again."""

import dataclasses
import logging

import keras
import numpy as np
import pytest

from dfad_tf.compute.optimizers import CoupledSGD, make_optimizer
from dfad_tf.data.datasets import open_dataset
from dfad_tf.data.labelled_batches import channel_statistics
from dfad_tf.teachers import cache
from dfad_tf.teachers.training import TeacherRecipe, train_teacher
from dfad_tf.utils.errors import InputError
from tests.conftest import same
from tests.helpers.interrupt import Interrupt

RECIPE = TeacherRecipe("mlp", 2, 64, "adam", 1e-3)
SHAPE = (8, 8, 1)


@pytest.mark.slow
def test_it_learns_from_real_images_and_contains_its_preprocessing():
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


@pytest.mark.slow
def test_it_is_trained_once_for_each_recipe(tmp_path, monkeypatch, caplog, capsys):
    caplog.set_level(logging.INFO, "dfad_tf")
    digits = open_dataset("digits")
    first, path = cache.cached_teacher(RECIPE, digits, SHAPE, tmp_path, 0)
    assert path.with_suffix(".json").exists()
    assert "mlp on digits, 2 epochs with adam" in caplog.text and capsys.readouterr().out == ""
    caplog.clear()
    monkeypatch.setattr(cache, "train_teacher", None)
    again, same_path = cache.cached_teacher(RECIPE, digits, SHAPE, tmp_path, 0)
    assert same_path == path and not caplog.text
    images = digits.load("test", SHAPE)[0][:5].astype("float32")
    np.testing.assert_array_equal(first(images), again(images))
    for change in ({"seed": 1}, {"epochs": 3}, {"augmentation": "crop"}):
        other = dataclasses.replace(RECIPE, **change)
        assert cache.teacher_path(other, "digits", SHAPE, tmp_path) != path


def test_a_cache_that_cannot_be_written_is_reported_before_training(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(cache, "train_teacher", None)
    with pytest.raises(InputError, match="Expected `folder` to be a writable folder"):
        cache.cached_teacher(RECIPE, open_dataset("digits"), SHAPE, tmp_path / "file")


@pytest.mark.slow
# An epoch has three steps. The interruption is inside an epoch, or after its last step.
@pytest.mark.parametrize(("augmentation", "at"), [("crop", (1, 0)), ("none", (1, 2))])
def test_an_interrupted_training_gives_the_weights_of_an_uninterrupted_one(
    tmp_path, monkeypatch, caplog, augmentation, at
):
    caplog.set_level(logging.INFO, "dfad_tf")
    recipe = dataclasses.replace(RECIPE, epochs=3, batch_size=512, augmentation=augmentation)
    digits = open_dataset("digits")
    uninterrupted = train_teacher(recipe, digits, SHAPE, verbose=0).get_weights()

    def interrupted(recipe, dataset, shape, verbose, callbacks, first_epoch):
        callbacks = [*callbacks, Interrupt(*at)]
        return train_teacher(recipe, dataset, shape, verbose, callbacks, first_epoch)

    with monkeypatch.context() as patch, pytest.raises(MemoryError):
        patch.setattr(cache, "train_teacher", interrupted)
        cache.cached_teacher(recipe, digits, SHAPE, tmp_path, 0, every="1")
    assert {path.suffix for path in tmp_path.iterdir()} == {".backup", ".lock"}
    resumed, _ = cache.cached_teacher(recipe, digits, SHAPE, tmp_path, 0)
    assert "Its training resumes in epoch" in caplog.text
    assert same(resumed.get_weights(), uninterrupted)
    assert {path.suffix for path in tmp_path.iterdir()} == {".keras", ".json", ".lock"}


def test_a_damaged_backup_says_what_to_remove(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "train_teacher", None)
    path = cache.teacher_path(RECIPE, "digits", SHAPE, tmp_path)
    path.with_suffix(".backup").mkdir()
    (path.with_suffix(".backup") / "state.npz").write_text("damaged")
    with pytest.raises(InputError, match=f"Remove .*{path.stem}.backup to train"):
        cache.cached_teacher(RECIPE, open_dataset("digits"), SHAPE, tmp_path)


def test_optimizers_by_name():
    sgd = make_optimizer("sgd", 0.1, 5e-4)
    assert isinstance(sgd, CoupledSGD) and sgd.momentum == 0.9 and sgd.coupled_weight_decay == 5e-4
    assert make_optimizer("adam", 1e-3, beta_1=0.5).beta_1 == 0.5
    assert isinstance(make_optimizer("adam", 1e-3), keras.optimizers.Adam)
    with pytest.raises(InputError, match="optimizer"):
        make_optimizer("rmsprop", 1e-3)
