"""Train small classifiers as a user would, and measure students that were distilled from them.

They are teachers of a user's own making: plain Keras, without anything of dfad_tf. A run is

    python -m benchmarks.own_teachers train --kind=mnist --name=residual_a --file=teacher.keras
    dfad-train --teacher=teacher.keras --workdir=runs/mine
    python -m benchmarks.own_teachers measure --kind=mnist runs/mine/student.keras

The data are MNIST (`TFDS_DATA_DIR`), or the digits of scikit-learn enlarged to 28×28.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:  # a slow import, which `--help` does not need
    import keras

# Filters of each group, blocks in it, and the seed.
RESIDUAL = {
    "residual_a": ((16, 32, 64), 1, 1),
    "residual_b": ((12, 24, 48), 1, 2),
    "residual_c": ((16, 32, 48), 2, 3),
}
# Filters of both convolutions, and units.
PLAIN = {"plain_a": (16, 32, 64), "plain_b": (8, 16, 32), "plain_c": (32, 32, 128)}
_SIDE = 28
Labelled = tuple[np.ndarray, np.ndarray]


def load(kind: str) -> tuple[Labelled, Labelled]:
    """Return training and test images, from 0 to 1, with their labels.

    Args:
        kind: `"mnist"` or `"digits"`.
    """
    if kind == "mnist":
        import tensorflow_datasets as tfds

        parts = [
            tfds.as_numpy(tfds.load("mnist", split=split, batch_size=-1))
            for split in ("train[:30000]", "test")
        ]
        first, second = ((part["image"] / 255.0, part["label"]) for part in parts)
        return first, second
    import keras
    from sklearn.datasets import load_digits

    digits = load_digits()
    small = digits.images[..., None].astype("float32") / 16
    images = keras.ops.convert_to_numpy(keras.ops.image.resize(small, (_SIDE, _SIDE)))
    order = np.random.default_rng(0).permutation(len(images))
    images, labels = images[order], digits.target[order]
    return (images[:1347], labels[:1347]), (images[1347:], labels[1347:])


def residual(filters: tuple[int, ...], blocks: int) -> keras.Model:
    """Build a residual network with batch normalization and a softmax.

    Args:
        filters: Filters of each group.
        blocks: Blocks in each group.
    """
    import keras

    layers = keras.layers
    inputs = keras.Input((_SIDE, _SIDE, 1))
    x = layers.Conv2D(filters[0], 3, padding="same", use_bias=False)(inputs)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    for group, width in enumerate(filters):
        for block in range(blocks):
            strides = 2 if group and not block else 1
            y = layers.Conv2D(width, 3, strides=strides, padding="same", use_bias=False)(x)
            y = layers.ReLU()(layers.BatchNormalization()(y))
            y = layers.Conv2D(width, 3, padding="same", use_bias=False)(y)
            y = layers.BatchNormalization()(y)
            if strides > 1 or x.shape[-1] != width:
                x = layers.Conv2D(width, 1, strides=strides, use_bias=False)(x)
                x = layers.BatchNormalization()(x)
            x = layers.ReLU()(layers.Add()([x, y]))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(x))


def plain(first: int, second: int, units: int) -> keras.Model:
    """Build a chain of convolutions without batch normalization, with a softmax.

    Args:
        first: Filters of the first convolution.
        second: Filters of the second.
        units: Units of the hidden dense layer.
    """
    import keras

    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((_SIDE, _SIDE, 1)),
            layers.Conv2D(first, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(second, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.25),
            layers.Dense(units, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


def train(kind: str, name: str, file: str) -> None:
    """Train a classifier, save it, and print its accuracy.

    Args:
        kind: The data, as for `load`.
        name: A name in `RESIDUAL` or `PLAIN`.
        file: Where it is saved.
    """
    import keras

    (images, labels), test = load(kind)
    if name in RESIDUAL:
        filters, blocks, seed = RESIDUAL[name]
        keras.utils.set_random_seed(seed)
        model = residual(filters, blocks)
    else:
        keras.utils.set_random_seed(list(PLAIN).index(name) + 1)
        model = plain(*PLAIN[name])
    epochs = 5 if kind == "mnist" else 60
    rate = keras.optimizers.schedules.CosineDecay(2e-3, epochs * len(images) // 128)
    model.compile(
        keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    model.fit(images, labels, batch_size=128, epochs=epochs, verbose=0)
    model.save(file)
    print(f"{name} on {kind}: {100 * model.evaluate(*test, verbose=0)[1]:.2f} %")


def measure(kind: str, teacher: str, students: list[str]) -> None:
    """Print the accuracy of students, and their agreement with the teacher, on test images.

    Args:
        kind: The data, as for `load`.
        teacher: File of the teacher.
        students: Files of the students.
    """
    import keras

    images, labels = load(kind)[1]
    classes = {
        file: keras.saving.load_model(file, compile=False).predict(images, verbose=0).argmax(1)
        for file in [teacher, *students]
    }
    for file, found in classes.items():
        right, same = np.mean(found == labels), np.mean(found == classes[teacher])
        print(f"{file}: {100 * right:.2f} % correct, {100 * same:.2f} % as the teacher")


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.own_teachers",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("action", choices=["train", "measure"])
    parser.add_argument("students", nargs="*", help="files of students, for measure")
    parser.add_argument("--kind", choices=["mnist", "digits"], default="mnist")
    parser.add_argument("--name", choices=[*RESIDUAL, *PLAIN], default="residual_a")
    parser.add_argument("--file", default="teacher.keras", help="where train saves the teacher")
    parser.add_argument("--teacher", default="teacher.keras", help="the teacher, for measure")
    given = parser.parse_intermixed_args()  # the students may follow the options
    if given.action == "train":
        train(given.kind, given.name, given.file)
    else:
        measure(given.kind, given.teacher, given.students)


if __name__ == "__main__":
    main()
