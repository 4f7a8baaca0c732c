"""Data sets by name. TFDS is mocked, so nothing is downloaded."""

import socket
import types

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from dfad_tf.data import datasets
from dfad_tf.data.datasets import bring_to_shape, describe_dataset, open_dataset
from dfad_tf.utils.errors import InputError


def test_digits_always_have_the_same_split():
    digits = open_dataset("digits")
    train, test = digits.load("train"), digits.load("test")
    assert train[0].shape == (1347, 32, 32, 1) and test[0].shape == (450, 32, 32, 1)
    assert train[0].dtype == np.uint8 and train[0].max() == 255
    assert np.bincount(test[1]).min() >= 43  # the split is stratified
    again = open_dataset("digits").load("test")
    np.testing.assert_array_equal(test[0], again[0])
    held_out = {image.tobytes() for image in test[0]}
    assert not held_out & {image.tobytes() for image in train[0]}


@pytest.fixture
def mocked(monkeypatch):
    # The mock generates images, but has no splits before they are prepared.
    split = types.SimpleNamespace(num_examples=30, num_bytes=1, num_shards=1)
    splits = {"train": split, "test": split}
    monkeypatch.setattr(tfds.core.DatasetInfo, "splits", property(lambda self: splits))
    with tfds.testing.mock_data(num_examples=30):
        yield


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "shape", "classes"),
    [
        ("mnist", (32, 32, 1), 10),
        ("fashion_mnist", (32, 32, 1), 10),
        ("cifar10", (32, 32, 3), 10),
        ("cifar100", (32, 32, 3), 100),
        ("svhn_cropped", (32, 32, 3), 10),
        ("beans", (500, 500, 3), 3),
    ],
)
def test_any_data_set_of_images_with_one_label_is_loaded(mocked, name, shape, classes):
    dataset = open_dataset(name)
    assert dataset.image_shape == shape and dataset.num_classes == classes
    assert len(dataset.label_names) == classes
    images, labels = dataset.load("test", (16, 20, 3))
    assert images.shape == (30, 16, 20, 3) and images.dtype == np.uint8
    assert labels.shape == (30,) and labels.max() < classes


def test_a_slightly_smaller_image_is_padded_with_zeros():
    image = np.random.default_rng(0).integers(1, 255, (28, 28, 1), np.uint8)
    padded = bring_to_shape(tf.constant(image), (32, 32, 1)).numpy()
    np.testing.assert_array_equal(padded[2:30, 2:30], image)
    assert padded.sum() == image.sum()


@pytest.mark.parametrize("shape", [(8, 8, 1), (20, 30, 3), (64, 64, 4), (28, 28, 3)])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_images_are_converted_to_any_shape(shape, channels):
    image = tf.fill((28, 28, channels), tf.constant(200, tf.uint8))
    converted = bring_to_shape(image, shape).numpy()
    assert converted.shape == shape and converted.dtype == np.uint8
    centre = converted[shape[0] // 2, shape[1] // 2]
    assert abs(int(centre[0]) - 200) <= 1
    if shape[2] == 4 and channels != 4:
        assert centre[3] == 255


def test_three_channels_are_not_converted_to_two():
    with pytest.raises(InputError, match="2 channels. Received images of 3 channels"):
        bring_to_shape(tf.zeros((8, 8, 3), tf.uint8), (8, 8, 2))


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(
        InputError, match="Expected `name` to be .*'cifr10'. Did you mean 'cifar10'"
    ):
        open_dataset("cifr10")


def test_a_data_set_without_one_label_per_image_is_rejected():
    with pytest.raises(InputError, match="one label each.*'coco'"):
        open_dataset("coco")


@pytest.mark.parametrize(
    ("name", "shape", "classes", "label"),
    [
        ("digits", (32, 32, 1), 10, "7"),
        ("mnist", (32, 32, 1), 10, "7"),
        ("cifar100", (32, 32, 3), 100, "7"),
        ("beans", (500, 500, 3), 3, "healthy"),
    ],
)
def test_a_description_needs_no_images(tmp_path, monkeypatch, name, shape, classes, label):
    def refuse(*arguments, **_):
        raise AssertionError("a description downloads images")

    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    dataset = describe_dataset(name, str(tmp_path))
    assert (dataset.name, dataset.image_shape, dataset.num_classes) == (name, shape, classes)
    assert len(dataset.label_names) == classes and label in dataset.label_names
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "message"),
    [("cifr10", "Did you mean 'cifar10'"), ("coco", "one label each.*'coco'")],
)
def test_a_description_reports_the_same_mistakes(name, message, tmp_path):
    with pytest.raises(InputError, match=message):
        describe_dataset(name, str(tmp_path))


def test_a_failed_download_names_the_folder_of_a_prepared_copy(tmp_path, monkeypatch):
    def fail(self, **_):
        raise ConnectionError("no network\nat all")

    monkeypatch.setattr(datasets, "unreachable_host", lambda addresses: None)
    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", fail)
    with pytest.raises(InputError, match="`data_dir` or the environment variable TFDS_DATA") as e:
        open_dataset("fashion_mnist", str(tmp_path))
    assert str(tmp_path) in str(e.value) and "\n" not in str(e.value)


def test_a_host_that_cannot_be_reached_ends_before_the_download(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("TFDS tries for minutes")

    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", refuse)
    asked = []

    def none_answers(addresses):
        asked.extend(addresses)
        return "somewhere.org"

    monkeypatch.setattr(datasets, "unreachable_host", none_answers)
    with pytest.raises(InputError, match="somewhere.org cannot be reached.*TFDS_DATA_DIR"):
        open_dataset("fashion_mnist", str(tmp_path))
    assert len(asked) == 4 and all(address.startswith("http") for address in asked)


@pytest.mark.parametrize("open_or_describe", [open_dataset, describe_dataset])
@pytest.mark.parametrize("existing_file", [True, False])
def test_a_missing_data_dir_is_reported_before_any_download(
    tmp_path, monkeypatch, open_or_describe, existing_file
):
    def refuse(*_, **__):
        raise AssertionError("TFDS is used before `data_dir` is checked")

    monkeypatch.setattr(tfds, "builder", refuse)
    place = tmp_path / "data"
    if existing_file:
        place.write_text("")
    with pytest.raises(InputError, match="`data_dir` to be an existing folder. Received: .*data$"):
        open_or_describe("mnist", str(place))
    assert place.exists() == existing_file


def test_only_missing_images_are_downloaded(tmp_path, monkeypatch):
    downloads = []
    monkeypatch.setattr(datasets, "unreachable_host", lambda addresses: None)
    monkeypatch.setattr(
        tfds.core.DatasetBuilder, "download_and_prepare", lambda self, **_: downloads.append(self)
    )
    open_dataset("fashion_mnist", str(tmp_path))
    assert [builder.name for builder in downloads] == ["fashion_mnist"]
    monkeypatch.setattr(tfds.core.DatasetInfo, "splits", property(lambda self: {"train": None}))
    open_dataset("fashion_mnist", str(tmp_path))
    assert len(downloads) == 1


@pytest.mark.parametrize(
    ("splits", "expected"),
    [
        (("train", "test"), ("train", "test")),
        (("train", "validation"), ("train", "validation")),
        (("train",), ("train[:90%]", "train[90%:]")),
    ],
)
def test_a_data_set_without_a_test_split_holds_out_a_tenth(splits, expected):
    info = types.SimpleNamespace(name="set", splits=splits)
    assert tuple(datasets._split_name(info, split) for split in ("train", "test")) == expected


def test_a_data_set_without_a_train_split_is_rejected():
    info = types.SimpleNamespace(name="set", splits=("all",))
    with pytest.raises(InputError, match="a split 'train'. Received: set with the splits all"):
        datasets._split_name(info, "train")


def test_a_split_that_is_too_large_is_rejected(mocked, monkeypatch):
    monkeypatch.setattr(datasets, "_MEMORY_LIMIT", 1000)
    with pytest.raises(InputError, match="`shape`.* in memory"):
        open_dataset("mnist").load("test")
