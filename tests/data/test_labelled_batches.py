"""Labelled images in batches: order, augmentation and channel statistics."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dfad_tf.data.labelled_batches import (
    AUGMENTATIONS,
    EpochOrder,
    _augment,
    channel_statistics,
    labelled_batches,
)
from dfad_tf.utils.errors import InputError


def test_channel_statistics_are_at_least_one_for_the_standard_deviation():
    images = np.zeros((4, 6, 5, 2), np.uint8)
    images[:2, ..., 0], images[2:, ..., 0], images[..., 1] = 10, 30, 7
    mean, std = channel_statistics(images)
    np.testing.assert_allclose(mean, [20, 7])
    np.testing.assert_allclose(std, [10, 1])


def test_an_unknown_augmentation_is_rejected():
    images = np.zeros((4, 8, 8, 1), np.uint8)
    with pytest.raises(InputError, match="Expected `augmentation` to be one of none, crop"):
        labelled_batches(images, np.arange(4), 2, "flip")


@pytest.mark.parametrize(("drop_remainder", "sizes"), [(False, [4, 4, 2]), (True, [4, 4])])
def test_an_incomplete_last_batch_can_be_dropped(drop_remainder, sizes):
    images = np.zeros((10, 8, 8, 1), np.uint8)
    batches = labelled_batches(images, np.arange(10), 4, drop_remainder=drop_remainder)
    assert [len(labels) for _, labels in batches] == sizes


@pytest.mark.parametrize("kind", AUGMENTATIONS[1:])
def test_augmentation_gives_windows_of_the_image_that_depend_on_the_seed(kind):
    image = tf.constant(np.random.default_rng(0).integers(1, 255, (16, 16, 3), np.uint8))
    drawn = [_augment(image, (0, key), kind).numpy() for key in range(20)]
    assert all(d.shape == (16, 16, 3) for d in drawn)
    assert len({d.tobytes() for d in drawn}) > 10
    np.testing.assert_array_equal(drawn[3], _augment(image, (0, 3), kind))
    # A crop is a window of the padded image, or of its mirror image.
    padded = np.pad(image, [[4, 4], [4, 4], [0, 0]])
    mirrors = [padded, padded[:, ::-1]] if "flip" in kind else [padded]
    windows = [m[i : i + 16, j : j + 16] for m in mirrors for i in range(9) for j in range(9)]
    is_window = [any(((d == w) | (d == 0)).all() for w in windows) for d in drawn]
    assert all(is_window)


def test_cutout_removes_a_part_of_the_image():
    image = tf.fill((16, 16, 1), tf.constant(255, tf.uint8))
    removed = [
        (_augment(image, (1, key), "crop_flip_cutout").numpy() == 0).mean() for key in range(30)
    ]
    assert 0.1 < np.mean(removed) < 0.6


class Labels(keras.Model):
    """Does not learn. Records the labels of each epoch of `fit`, in their order."""

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
    order = EpochOrder(3, count, first_epoch)
    data = labelled_batches(images, np.arange(50), 32, augmentation, order)
    model.fit(data, epochs=3 - first_epoch, shuffle=False, verbose=0)
    return np.concatenate(model.seen).reshape(3 - first_epoch, -1)


@pytest.mark.slow
@pytest.mark.parametrize("augmentation", ["none", "crop"])
@pytest.mark.parametrize("count", [50, 100, 130])
def test_a_later_epoch_has_the_same_order_as_in_an_uninterrupted_fit(augmentation, count):
    uninterrupted = epochs_of_labels(augmentation, count)
    assert not np.array_equal(uninterrupted[1], uninterrupted[2])
    for first_epoch in (1, 2):
        found = epochs_of_labels(augmentation, count, first_epoch)
        np.testing.assert_array_equal(found, uninterrupted[first_epoch:])
