"""Train on images of many sizes, each in a process of its own, and report those that crash.

    python -m benchmarks.size_grid --hours=3
    python -m benchmarks.size_grid --only=128x128x3

A cell is an image size, a number of channels, a batch size, a precision and a student. Cells are
drawn at random until the time is up. An untrained teacher is distilled for a few steps with the
default settings of an own teacher, fewer images, and no export. A process that a signal ends, and
one that leaves a traceback, is a crash; a message in one line is not.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

import numpy as np

SIDES = (8, 28, 32, 48, 64, 96, 128, 160, 224, 256, 33, 65, 97, 131)
STUDENTS = ("auto", "compact_4", "compact_8", "compact_16", "mobilenet_v2_035", "resnet8")
TEACHERS = ("plain", "norm")
PRECISIONS = ("float32", "mixed_bfloat16")
BATCHES = (2, 7, 8, 16)
_LONGEST = 900.0  # seconds of a cell
_FEW = (
    "--epochs=1",
    "--steps_per_epoch=2",
    "--procedural_size=64",
    "--memory_size=64",
    "--generator_lifetime=1",
    "--on_collapse=warn",  # which a teacher that was never trained provokes
    "--export=none",
    "--noplots",
    "--yes",
    "--verbose=0",
)


@dataclasses.dataclass(frozen=True)
class Cell:
    """What one process trains.

    Attributes:
        height: Height of the images.
        width: Width of the images.
        channels: Number of channels.
        batch: Images in a batch.
        precision: A dtype policy.
        teacher: A name in `TEACHERS`.
        student: A value of the flag `--student`.
    """

    height: int
    width: int
    channels: int
    batch: int = 8
    precision: str = "mixed_bfloat16"
    teacher: str = "plain"
    student: str = "compact_8"


def cells(seed: int) -> Iterator[Cell]:
    """Yield cells without end; a third of them is not square."""
    random = np.random.default_rng(seed)
    while True:
        height, width = (int(side) for side in random.choice(SIDES, 2))
        yield Cell(
            height,
            width if random.random() < 1 / 3 else height,
            int(random.choice((1, 3))),
            int(random.choice(BATCHES)),
            str(random.choice(PRECISIONS)),
            str(random.choice(TEACHERS)),
            str(random.choice(STUDENTS)),
        )


def save_teacher(cell: Cell, path: pathlib.Path) -> None:
    """Save an untrained classifier with the input of a cell.

    Args:
        cell: The cell.
        path: The `.keras` file.
    """
    import keras

    layers = keras.layers
    keras.utils.set_random_seed(0)
    inputs = x = keras.Input((cell.height, cell.width, cell.channels))
    x = layers.Rescaling(1 / 255)(x)
    for filters in (32, 64, 128):
        norm = cell.teacher == "norm"
        x = layers.Conv2D(filters, 3, padding="same", activation=None if norm else "relu")(x)
        if norm:
            x = layers.ReLU()(layers.BatchNormalization()(x))
        x = layers.MaxPooling2D()(x)
    x = layers.Dense(128, activation="relu")(layers.GlobalAveragePooling2D()(x))
    x = layers.Dense(2, activation="softmax")(layers.Dropout(0.5)(x))
    keras.Model(inputs, x).save(path)


def run(cell: Cell, folder: pathlib.Path) -> str:
    """Train a cell in a process of its own.

    Args:
        cell: The cell.
        folder: An empty folder.

    Returns:
        What went wrong, in one line; empty if nothing did.
    """
    save_teacher(cell, folder / "teacher.keras")
    command = [
        *(sys.executable, "-m", "dfad_tf.train", f"--teacher={folder / 'teacher.keras'}"),
        *(f"--workdir={folder / 'run'}", f"--batch_size={cell.batch}", *_FEW),
        *(f"--precision={cell.precision}", f"--student={cell.student}"),
    ]
    # The fast operations of TensorFlow, which are the default on some processors only.
    environment = {**os.environ, "TF_ENABLE_ONEDNN_OPTS": "1"}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=_LONGEST
        )
    except subprocess.TimeoutExpired:
        return f"no end after {_LONGEST:.0f} s"
    last = (done.stderr.strip().splitlines() or [""])[-1]
    if done.returncode < 0:
        return f"ended by signal {-done.returncode}: {last}"
    if "Traceback" in done.stderr:
        return f"traceback: {last}"
    return f"status {done.returncode}: {last}" if done.returncode else ""


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.size_grid",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--hours", type=float, default=3.0, help="time until the last cell begins")
    parser.add_argument("--seed", type=int, default=0, help="of the order of the cells")
    parser.add_argument("--only", help="cells of one size, such as 128x128x3")
    given = parser.parse_args()
    end, count, bad = time.monotonic() + 3600 * given.hours, 0, 0
    size = tuple(map(int, given.only.split("x"))) if given.only else None
    for cell in cells(given.seed):
        if time.monotonic() >= end:
            break
        if size:
            cell = dataclasses.replace(cell, height=size[0], width=size[1], channels=size[2])
        start = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            problem = run(cell, pathlib.Path(folder))
        count, bad = count + 1, bad + bool(problem)
        values = " ".join(map(str, dataclasses.astuple(cell)))
        print(f"{values}: {problem or 'ok'} ({time.monotonic() - start:.0f} s)", flush=True)
    print(f"{count} cells, {bad} of them with a problem")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
