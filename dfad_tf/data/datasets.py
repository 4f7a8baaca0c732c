"""Labelled images by name. This is the only module that uses TensorFlow Datasets (TFDS).

Labelled images train a missing teacher and measure accuracy. Distillation without data never
reads them.
"""

from __future__ import annotations

import difflib
import pathlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from dfad_tf.data.downloads import unreachable_host
from dfad_tf.utils.errors import InputError

if TYPE_CHECKING:
    import tensorflow_datasets as tfds

_MEMORY_LIMIT = 8 * 2**30  # bytes: a split is held in memory
_DIGITS_TEST = 450  # a quarter of the 1,797 digits is held out
_DIGITS_TRAIN = 1797 - _DIGITS_TEST


@dataclass(frozen=True)
class ImageDataset:
    """A named set of labelled images.

    Attributes:
        name: The name given to `open_dataset`.
        num_classes: Number of classes.
        label_names: Names of the classes, in the order of their labels.
        image_shape: `(height, width, channels)` of the input of a classifier that is trained
            on these images: their own shape, except that 28 pixels are padded to 32 as in the
            published methods.
    """

    name: str
    num_classes: int
    label_names: tuple[str, ...]
    image_shape: tuple[int, int, int]
    _builder: tfds.core.DatasetBuilder | None = field(default=None, repr=False, compare=False)
    _data_dir: str | None = field(default=None, repr=False, compare=False)

    def prepare(self) -> None:
        """Download the images unless they are on disk.

        Raises:
            InputError: If they are not on disk and cannot be downloaded.
        """
        if self._builder is None or self._builder.info.splits:
            return
        try:
            host = unreachable_host(self._builder.url_infos)
            if host:
                raise OSError(f"{host} cannot be reached")
            self._builder.download_and_prepare()
        except Exception as error:  # the downloader, the disk and the parser raise any type
            raise _unavailable(self.name, self._data_dir, error) from error

    def load(
        self, split: str, shape: tuple[int, int, int] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Read one split into memory.

        Args:
            split: `"train"` or `"test"`.
            shape: `(height, width, channels)` to which the images are converted; None is
                `image_shape`.

        Returns:
            Images, uint8 `(n, height, width, channels)`, and labels, int64 `(n,)`.

        Raises:
            InputError: If the images cannot be converted to the shape, or need too much memory.
        """
        shape = shape or self.image_shape
        if self._builder is None:
            return _digits(split, shape)
        name = _split_name(self._builder.info, split)
        count = self._builder.info.splits[name].num_examples
        if count * np.prod(shape) > _MEMORY_LIMIT:
            raise InputError(
                f"Expected `shape` to be small enough for a split of at most "
                f"{_MEMORY_LIMIT // 2**30} GiB in memory. Received: {shape} for {count:,} images "
                f"of {self.name}"
            )
        keys = self._builder.info.supervised_keys
        _check_channels(self._builder.info.features[keys[0]].shape[2] or 3, shape[2])
        dataset = self._builder.as_dataset(split=name, as_supervised=True)
        dataset = dataset.map(
            lambda image, label: (bring_to_shape(image, shape), label),
            num_parallel_calls=tf.data.AUTOTUNE,
        ).batch(1000)
        batches = list(dataset.as_numpy_iterator())
        images = np.concatenate([batch[0] for batch in batches])
        return images, np.concatenate([batch[1] for batch in batches]).astype(np.int64)

    def train_count(self) -> int:
        """Return the number of training images, without reading them."""
        if self._builder is None:
            return _DIGITS_TRAIN
        name = _split_name(self._builder.info, "train")
        return int(self._builder.info.splits[name].num_examples)


def open_dataset(name: str, data_dir: str | None = None) -> ImageDataset:
    """Open a data set, and download it if it is not on disk.

    Args:
        name: `"digits"` (the digits of scikit-learn, which need no download), or the name of
            any TFDS data set whose examples are an image and a label.
        data_dir: Existing folder in which TFDS keeps its data; None is `TFDS_DATA_DIR` or the
            default of TFDS.

    Returns:
        The data set. Its images are read by `load`.

    Raises:
        InputError: If the name is unknown, the examples are not images with one label each,
            `data_dir` does not exist, or the data can neither be found nor downloaded.

    Example:

    >>> images, labels = open_dataset("digits").load("test")
    >>> images.shape
    (450, 32, 32, 1)
    """
    dataset = describe_dataset(name, data_dir)
    dataset.prepare()
    return dataset


def describe_dataset(name: str, data_dir: str | None = None) -> ImageDataset:
    """Return the shape and the labels of a data set without downloading its images.

    Args:
        name: As for `open_dataset`.
        data_dir: As for `open_dataset`.

    Returns:
        The data set. Call `prepare` before `load`.

    Raises:
        InputError: If the name is unknown, the examples are not images with one label each, or
            `data_dir` does not exist.
    """
    if name == "digits":
        return ImageDataset("digits", 10, tuple("0123456789"), (32, 32, 1))
    if data_dir is not None and not pathlib.Path(data_dir).is_dir():
        raise InputError(f"Expected `data_dir` to be an existing folder. Received: {data_dir}")
    builder = _builder(name, data_dir)
    keys = builder.info.supervised_keys
    features = builder.info.features
    if not keys or "image" not in str(keys[0]) or not hasattr(features[keys[1]], "num_classes"):
        raise InputError(
            "Expected `name` to be a data set of images with one label each. Received: "
            f"{name!r}, whose examples consist of {', '.join(features)}"
        )
    label, shape = features[keys[1]], features[keys[0]].shape
    height, width = (32 if side == 28 else side or 224 for side in shape[:2])
    image_shape = (height, width, shape[2] or 3)
    names = tuple(label.names)
    return ImageDataset(name, label.num_classes, names, image_shape, builder, data_dir)


def bring_to_shape(image: tf.Tensor, shape: tuple[int, int, int]) -> tf.Tensor:
    """Convert one image to another size and number of channels.

    An image that is slightly smaller (28 for 32) is padded with zeros, as the published
    methods do with MNIST. Any other size is resized with anti-aliasing. One channel is
    repeated to three, three are converted to one by luma, and a fourth is opaque alpha.

    Args:
        image: uint8 `(height, width, channels)`.
        shape: `(height, width, channels)` of the result.

    Returns:
        The converted image, uint8.

    Raises:
        InputError: If the channels cannot be converted.

    Example:

    >>> bring_to_shape(tf.zeros((28, 28, 1), tf.uint8), (32, 32, 3)).shape
    TensorShape([32, 32, 3])
    """
    height, width, channels = shape
    received = image.shape[-1]
    _check_channels(received, channels)
    if received != channels:
        if received == 4:
            image, received = image[..., :3], 3
        if received == 1 and channels >= 3:
            image, received = tf.repeat(image, 3, -1), 3
        if received == 3 and channels == 1:
            image, received = tf.image.rgb_to_grayscale(image), 1
        if received == 3 and channels == 4:
            opaque = tf.constant(255, image.dtype)
            image, received = tf.concat([image, tf.fill(tf.shape(image[..., :1]), opaque)], -1), 4
    size = tf.shape(image)[:2]
    static = image.shape[:2]
    if tuple(static) == (height, width):
        return tf.ensure_shape(image, shape)
    if None not in static and all(s <= t <= 1.25 * s for s, t in zip(static, shape, strict=False)):
        top, left = (height - size[0]) // 2, (width - size[1]) // 2
        return tf.ensure_shape(tf.image.pad_to_bounding_box(image, top, left, height, width), shape)
    resized = tf.image.resize(tf.cast(image, tf.float32), (height, width), antialias=True)
    return tf.ensure_shape(tf.cast(tf.clip_by_value(tf.round(resized), 0, 255), tf.uint8), shape)


def _check_channels(received: int, channels: int) -> None:
    if received != channels and (received == 2 or channels == 2):
        raise InputError(
            f"Expected images that can be converted to {channels} channels. Received images of "
            f"{received} channels; only 1, 3 and 4 channels can be converted to each other."
        )


def _digits(split: str, shape: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    from sklearn import datasets, model_selection  # slow to import, and used here only

    digits = datasets.load_digits()
    parts = model_selection.train_test_split(
        digits.images, digits.target, test_size=_DIGITS_TEST, random_state=0, stratify=digits.target
    )
    images, labels = (parts[1], parts[3]) if split == "test" else (parts[0], parts[2])
    # The images have 8×8 pixels with values from 0 to 16.
    images = tf.image.resize(images[..., None] * (255 / 16), (32, 32)).numpy()
    images = np.clip(np.round(images), 0, 255).astype(np.uint8)
    if shape != (32, 32, 1):
        images = np.stack([bring_to_shape(tf.constant(i), shape).numpy() for i in images])
    return images, labels.astype(np.int64)


def _builder(name: str, data_dir: str | None) -> tfds.core.DatasetBuilder:
    import tensorflow_datasets as tfds  # takes a second, which "digits" does not need

    try:
        return tfds.builder(name, data_dir=data_dir)
    except tfds.core.DatasetNotFoundError as error:
        known = ["digits", *tfds.list_builders()]
        nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
        raise InputError(
            "Expected `name` to be 'digits' or a name of TensorFlow Datasets. "
            f"Received: {name!r}.{hint}"
        ) from error
    except (ValueError, RuntimeError, OSError) as error:
        raise _unavailable(name, data_dir, error) from error


def _unavailable(name: str, data_dir: str | None, error: Exception) -> InputError:
    import tensorflow_datasets as tfds

    place = data_dir or str(tfds.core.constants.DATA_DIR)
    reason = str(error).strip().splitlines() or [type(error).__name__]
    return InputError(
        f"Expected a prepared copy of the data set {name!r} in {place}. Received none, and the "
        f"download failed ({reason[0][:120]}); name the folder of a prepared copy with `data_dir` "
        "or the environment variable TFDS_DATA_DIR."
    )


def _split_name(info: tfds.core.DatasetInfo, split: str) -> str:
    """Return the TFDS name of a split. Without a test split, the last tenth is held out."""
    if split == "test":
        for name in ("test", "validation"):
            if name in info.splits:
                return name
    if "train" not in info.splits:
        raise InputError(
            f"Expected a data set with a split 'train'. Received: {info.name} with the splits "
            f"{', '.join(info.splits)}"
        )
    held_out = "test" in info.splits or "validation" in info.splits
    if split == "test":
        return "train[90%:]"
    return "train" if held_out else "train[:90%]"
