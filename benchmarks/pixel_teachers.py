"""Train classifiers whose pixels are known, and count how often those are inferred from the file.

    python -m benchmarks.pixel_teachers train --folder=pixel_teachers
    python -m benchmarks.pixel_teachers measure --folder=pixel_teachers

`train` trains one small classifier for each combination of data (digits, MNIST, CIFAR-10; with
`TFDS_DATA_DIR`), pixels, architecture, and place of the preprocessing, and skips those that the
folder has. `measure` infers the pixels of each and prints the wrong and the undecided ones.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import functools
import itertools
import json
import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np

RANGES = ("pixels", "zero_one", "minus_one_one", "standardized", "centered")
DATA = ("digits", "mnist", "cifar10")
# Architectures; those with `norm` in their names have batch normalization.
PLAIN = ("pooled", "strided", "dense", "tanh")
NORMALIZED = ("norm", "residual_norm", "norm_late", "separable_norm")
PLACES = ("layer", "operations", "nested", "nested_operations", "augmented", "normalization")
_IMAGES, _TEST = 8000, 2000
# Mean and standard deviation, from 0 to 1, that are removed.
_COLOUR = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_GRAY = ((0.1307,), (0.3081,))
Labelled = tuple[np.ndarray, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Case:
    """One classifier.

    Attributes:
        data: A name in `DATA`.
        pixels: A name in `RANGES`: what the file is fed with.
        network: A name in `PLAIN` or `NORMALIZED`.
        place: A name in `PLACES` for preprocessing inside of the model, or `"outside"`.
    """

    data: str
    pixels: str
    network: str
    place: str = "outside"

    @property
    def name(self) -> str:
        """Name of its file."""
        return f"{self.data}-{self.pixels}-{self.network}-{self.place}"


def cases() -> Iterator[Case]:
    """Yield all cases: outside, each network once for each range; inside, each place."""
    networks = (*PLAIN, *NORMALIZED)
    for number, (pixels, data) in enumerate(itertools.product(RANGES, DATA)):
        if pixels == "centered" and data != "cifar10":  # of photographs as a rule
            continue
        for kind, names in enumerate((PLAIN, NORMALIZED)):
            for more in range(2):
                yield Case(data, pixels, names[(number + kind + 2 * more) % len(names)])
    for number, (place, data) in enumerate(itertools.product(PLACES, DATA)):
        pixels = ("pixels", "zero_one")[number % 4 == 3]
        yield Case(data, pixels, networks[number % len(networks)], place)


@functools.cache
def load(kind: str) -> tuple[Labelled, Labelled]:
    """Return training and test images, from 0 to 1, with their labels.

    Args:
        kind: A name in `DATA`.
    """
    if kind == "digits":
        from sklearn.datasets import load_digits

        digits = load_digits()
        order = np.random.default_rng(0).permutation(len(digits.target))
        images = (digits.images[order, ..., None] / 16).astype("float32")
        labels = digits.target[order]
        return (images[:1347], labels[:1347]), (images[1347:], labels[1347:])
    import tensorflow_datasets as tfds

    parts = [
        tfds.as_numpy(tfds.load(kind, split=split, batch_size=-1))
        for split in (f"train[:{_IMAGES}]", f"test[:{_TEST}]")
    ]
    first, second = ((part["image"].astype("float32") / 255, part["label"]) for part in parts)
    return first, second


def convert(images: np.ndarray, pixels: str) -> np.ndarray:
    """Convert images from 0 to 1 to what a classifier is fed with.

    Args:
        images: `(batch, height, width, channels)`.
        pixels: A name in `RANGES`; `"centered"` are raw pixels of which the mean is subtracted,
            with red and blue exchanged, as Keras's mode `"caffe"` has it.
    """
    mean, std = _COLOUR if images.shape[-1] == 3 else _GRAY
    if pixels == "pixels":
        return images * 255
    if pixels == "minus_one_one":
        return images * 2 - 1
    if pixels == "standardized":
        return ((images - mean) / std).astype("float32")
    if pixels == "centered":
        return (((images - mean) * 255)[..., ::-1]).astype("float32")
    return images


def build(case: Case, shape: tuple[int, int, int]) -> Any:
    """Build the classifier of a case.

    Args:
        case: The case.
        shape: `(height, width, channels)`.
    """
    import keras

    layers = keras.layers
    inputs = x = keras.Input(shape)
    factor = 1 / 255 if case.pixels == "pixels" else 1.0
    if case.place == "layer":
        x = layers.Rescaling(2 * factor, offset=-1)(x)
    elif case.place == "operations":
        x = x * (2 * factor) - 1.0
    elif case.place == "augmented":
        x = layers.RandomTranslation(0.1, 0.1)(layers.GaussianNoise(min(1.0, 0.01 / factor))(x))
        x = layers.Rescaling(factor)(x)
    elif case.place == "normalization":
        mean, std = _COLOUR if shape[-1] == 3 else _GRAY
        x = layers.Normalization(
            mean=np.divide(mean, factor), variance=np.square(np.divide(std, factor))
        )(x)
    elif case.place == "nested_operations":
        x = (x - 0.5 / factor) / (0.5 / factor)
    if not case.place.startswith("nested"):
        return keras.Model(inputs, _network(case.network, x))
    inner = y = keras.Input(shape)
    if case.place == "nested":
        y = layers.Rescaling(factor)(y)
    backbone = keras.Model(inner, _network(case.network, y))
    return keras.Model(inputs, backbone(x))


def _network(name: str, x: Any) -> Any:
    import keras

    layers = keras.layers
    small = min(x.shape[1:3]) < 16
    if name == "dense":
        x = layers.Dense(128, activation="relu")(layers.Flatten()(x))
        x = layers.Dense(64, activation="relu")(x)
    elif name == "tanh":
        for filters in (16, 32):
            x = layers.Conv2D(filters, 3, padding="same", activation="tanh")(x)
            x = layers.AveragePooling2D(2)(x)
        x = layers.Dense(64, activation="tanh")(layers.Flatten()(x))
    elif name == "pooled":
        for filters in (16, 32) if small else (16, 32, 48):
            x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
            x = layers.MaxPooling2D()(x)
        x = layers.Dropout(0.25)(layers.Flatten()(x))
        x = layers.Dense(64, activation="relu")(x)
    elif name == "strided":
        for filters in (24, 32, 48):
            x = layers.Conv2D(filters, 3, strides=2, padding="same", activation="relu")(x)
        x = layers.GlobalAveragePooling2D()(x)
    elif name == "residual_norm":
        x = layers.Conv2D(16, 3, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
        for filters in (16, 32):
            y = layers.Conv2D(filters, 3, strides=2, padding="same", use_bias=False)(x)
            y = layers.ReLU()(layers.BatchNormalization()(y))
            y = layers.BatchNormalization()(layers.Conv2D(filters, 3, padding="same")(y))
            x = layers.BatchNormalization()(layers.Conv2D(filters, 1, strides=2)(x))
            x = layers.ReLU()(layers.Add()([x, y]))
        x = layers.GlobalAveragePooling2D()(x)
    elif name == "norm_late":  # an activation in front of the batch normalization
        for filters in (16, 32):
            x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
            x = layers.MaxPooling2D()(layers.BatchNormalization()(x))
        x = layers.Dense(64, activation="relu")(layers.Flatten()(x))
    elif name == "separable_norm":
        x = layers.Conv2D(16, 3, strides=1 if small else 2, padding="same", use_bias=False)(x)
        x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
        for filters in (32, 48):
            x = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x)
            x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
            x = layers.Conv2D(filters, 1, use_bias=False)(x)
            x = layers.MaxPooling2D()(layers.ReLU(6.0)(layers.BatchNormalization()(x)))
        x = layers.GlobalAveragePooling2D()(x)
    else:
        for filters in (16, 32):
            x = layers.Conv2D(filters, 3, padding="same")(x)
            x = layers.MaxPooling2D()(layers.ReLU()(layers.BatchNormalization()(x)))
        x = layers.Dense(64, activation="relu")(layers.Flatten()(x))
    return layers.Dense(10, activation="softmax")(x)


def train(folder: pathlib.Path, seed: int = 0) -> None:
    """Train the classifiers that a folder lacks.

    Args:
        folder: It gets a `.keras` and a `.json` file for each.
        seed: Seed of the weights and the order of the data.
    """
    import keras

    folder.mkdir(parents=True, exist_ok=True)
    for number, case in enumerate(cases()):
        if (folder / f"{case.name}.json").exists():
            continue
        keras.backend.clear_session()
        keras.utils.set_random_seed(1000 * seed + number)
        (images, labels), test = load(case.data)
        model = build(case, images.shape[1:])
        rate, optimizer = 2e-3, keras.optimizers.Adam
        if number % 3 == 2 and case.network in NORMALIZED:
            rate, optimizer = 0.02, functools.partial(keras.optimizers.SGD, momentum=0.9)
        epochs = {"digits": 25, "mnist": 4, "cifar10": 6}[case.data]
        schedule = keras.optimizers.schedules.CosineDecay(rate, epochs * len(images) // 64)
        loss = "sparse_categorical_crossentropy"
        model.compile(optimizer(schedule), loss, metrics=["accuracy"])
        model.fit(convert(images, case.pixels), labels, batch_size=64, epochs=epochs, verbose=0)
        found = model.evaluate(convert(test[0], case.pixels), test[1], verbose=0)[1]
        model.save(folder / f"{case.name}.keras")
        record = {**dataclasses.asdict(case), "accuracy": found}
        (folder / f"{case.name}.json").write_text(json.dumps(record))
        print(f"{case.name}: {100 * found:.1f} %", flush=True)


def measure(folder: pathlib.Path) -> None:
    """Infer the pixels of each classifier, and print what is wrong or left open.

    Args:
        folder: A folder that `train` has filled.
    """
    import keras

    from dfad_tf.teachers.pixel_detection import UndecidedPixelsError, detect_contract

    counts: dict[tuple[str, str], int] = collections.Counter()
    for path in sorted(folder.glob("*.json")):
        record = json.loads(path.read_text())
        model = keras.models.load_model(path.with_suffix(".keras"), compile=False)
        inside = record["place"] != "outside"
        norm = record["network"] in NORMALIZED
        kind = "inside" if inside else "batch norm" if norm else "neither"
        try:
            contract = detect_contract(model)
            found = "right" if contract.range == record["pixels"] else "WRONG"
            text = f"{contract.range}, {contract.source}"
        except UndecidedPixelsError as error:
            names = [candidate.range for candidate in error.candidates]
            found, text = "asked", " or ".join(names)
            if record["pixels"] not in names:
                found = "WRONG question"
        counts[kind, found] += 1
        print(f"{found:<6} {path.stem} ({100 * record['accuracy']:.0f} %): {text}", flush=True)
    for (kind, found), count in sorted(counts.items()):
        print(f"{kind}: {count} {found}")


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.pixel_teachers",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("action", choices=["train", "measure"])
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("pixel_teachers"))
    parser.add_argument("--seed", type=int, default=0, help="of the training")
    given = parser.parse_args()
    if given.action == "train":
        train(given.folder, given.seed)
    else:
        measure(given.folder)


if __name__ == "__main__":
    main()
