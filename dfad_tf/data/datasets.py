"""Labelled images by name; the only module that knows TensorFlow Datasets.

They train a teacher that is missing and measure accuracy. Distillation never
sees them.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from dfad_tf.utils.errors import InputError

_MEMORY_LIMIT = 8 * 2**30  # bytes: a split is held in memory
_DIGITS_TEST = 450  # of the 1,797 digits, a quarter, are held out
_DIGITS_TRAIN = 1797 - _DIGITS_TEST


@dataclass(frozen=True)
class ImageDataset:
    """A named set of labelled images.

    Attributes:
        name: As given to `open_dataset`.
        num_classes: Number of labels.
        label_names: Their names, in the order of the labels.
        image_shape: `(height, width, channels)` that a classifier trained here
            takes: the images' own, padded where the field does so (28 to 32).
    """

    name: str
    num_classes: int
    label_names: tuple[str, ...]
    image_shape: tuple[int, int, int]
    _builder: Any = None

    def load(
        self, split: str, shape: tuple[int, int, int] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Read one split into memory.

        Args:
            split: `"train"` or `"test"`.
            shape: `(height, width, channels)` to bring the images to; None is `image_shape`.

        Returns:
            Images, uint8 `(n, height, width, channels)`, and labels, int64 `(n,)`.

        Raises:
            InputError: If the images cannot be brought to the shape, or need too much memory.
        """
        shape = shape or self.image_shape
        if self._builder is None:
            return _digits(split, shape)
        name = _split_name(self._builder.info, split)
        count = self._builder.info.splits[name].num_examples
        if count * np.prod(shape) > _MEMORY_LIMIT:
            raise InputError(
                f"Expected a split of at most {_MEMORY_LIMIT // 2**30} GiB in memory. Received: "
                f"{self.name} with {count:,} images of {shape}; name a part of it, such as "
                f"--dataset={self.name} with a smaller --image_shape."
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
    """Find a data set; nothing but its description is read yet.

    Args:
        name: `"digits"` (scikit-learn's, which needs no download), or any TFDS
            name whose examples are an image and a label.
        data_dir: Where TFDS keeps its data; None is `TFDS_DATA_DIR` or TFDS's default.

    Returns:
        The data set, ready to `load`.

    Raises:
        InputError: If the name is unknown, the examples are something else, or the
            data can neither be found nor downloaded.

    Example:

    >>> images, labels = open_dataset("mnist").load("test")
    """
    dataset = describe_dataset(name, data_dir)
    if dataset._builder is not None:
        _prepare(dataset._builder, name, data_dir)
    return dataset


def describe_dataset(name: str, data_dir: str | None = None) -> ImageDataset:
    """Return a data set's shape and labels, whether or not its images are at hand.

    Args:
        name: As for `open_dataset`.
        data_dir: Likewise.

    Raises:
        InputError: If the name is unknown, or the examples are something else.
    """
    if name == "digits":
        return ImageDataset("digits", 10, tuple("0123456789"), (32, 32, 1))
    builder = _builder(name, data_dir)
    keys = builder.info.supervised_keys
    features = builder.info.features
    if not keys or "image" not in str(keys[0]) or not hasattr(features[keys[1]], "num_classes"):
        raise InputError(
            "Expected --dataset to name a data set of images with one label each. Received: "
            f"{name!r}, whose examples are {', '.join(features)}."
        )
    label, shape = features[keys[1]], features[keys[0]].shape
    height, width = (32 if side == 28 else side or 224 for side in shape[:2])
    return ImageDataset(
        name, label.num_classes, tuple(label.names), (height, width, shape[2] or 3), builder
    )


def bring_to_shape(image: Any, shape: tuple[int, int, int]) -> Any:
    """Bring one uint8 image to another size and number of channels.

    A slightly smaller image (28 to 32) is padded with zeros, as the field does
    with MNIST; any other size is resized with anti-aliasing. One channel is
    repeated to three, three become grey by luma, and a fourth is opaque alpha.
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
            f"Expected --dataset with images that can be brought to {channels} channels. "
            f"Received: {received}"
        )


def _digits(split: str, shape: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    from sklearn import datasets, model_selection  # slow to import, and for this set alone

    digits = datasets.load_digits()
    parts = model_selection.train_test_split(
        digits.images, digits.target, test_size=_DIGITS_TEST, random_state=0, stratify=digits.target
    )
    images, labels = (parts[1], parts[3]) if split == "test" else (parts[0], parts[2])
    # Their ink runs from 0 to 16, on 8×8 pixels.
    images = tf.image.resize(images[..., None] * (255 / 16), (32, 32)).numpy()
    images = np.clip(np.round(images), 0, 255).astype(np.uint8)
    if shape != (32, 32, 1):
        images = np.stack([bring_to_shape(tf.constant(i), shape).numpy() for i in images])
    return images, labels.astype(np.int64)


def _builder(name: str, data_dir: str | None) -> Any:
    import tensorflow_datasets as tfds  # a second of import that digits do not need

    try:
        return tfds.builder(name, data_dir=data_dir)
    except tfds.core.DatasetNotFoundError as error:
        known = ["digits", *tfds.list_builders()]
        nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
        raise InputError(
            "Expected --dataset to be 'digits' or a name of TensorFlow Datasets. "
            f"Received: {name!r}.{hint}"
        ) from error
    except (ValueError, RuntimeError, OSError) as error:
        raise _cannot_prepare(name, data_dir, error) from error


def _prepare(builder: Any, name: str, data_dir: str | None) -> None:
    if builder.info.splits:
        return
    try:
        builder.download_and_prepare()
    except Exception as error:  # TFDS raises what its downloader, disk or parser raises
        raise _cannot_prepare(name, data_dir, error) from error


def _cannot_prepare(name: str, data_dir: str | None, error: Exception) -> InputError:
    import tensorflow_datasets as tfds

    place = data_dir or str(tfds.core.constants.DATA_DIR)
    reason = str(error).strip().splitlines() or [type(error).__name__]
    return InputError(
        f"Data set {name!r} is not prepared in {place} and could not be downloaded "
        f"({reason[0][:120]}). Expected a prepared copy: name its folder with --data_dir or "
        "the environment variable TFDS_DATA_DIR."
    )


def _split_name(info: Any, split: str) -> str:
    """The split's name; a set without a test split gives up its last tenth for it."""
    if split == "test":
        for name in ("test", "validation"):
            if name in info.splits:
                return name
    if "train" not in info.splits:
        raise InputError(
            f"Expected --dataset with a split 'train'. Received: {', '.join(info.splits)}"
        )
    held_out = "test" in info.splits or "validation" in info.splits
    if split == "test":
        return "train[90%:]"
    return "train" if held_out else "train[:90%]"
