"""A method without data reads no image of the data while it distils, and a test would see it."""

import keras
import pytest

from dfad_tf.data.datasets import ImageDataset, open_dataset
from dfad_tf.distillation.distiller import DataFreeDistiller
from dfad_tf.methods import table
from dfad_tf.methods.table import METHODS
from dfad_tf.synthesis.objectives import GeneratorObjective
from tests.conftest import small_classifier
from tests.helpers.command import run

TINY = (
    "--dataset=digits", "--image_shape=8,8,1", "--epochs=1", "--steps_per_epoch=1",
    "--batch_size=8", "--generator=compact_32", "--precision=float32", "--verbose=0",
)  # fmt: skip
load = ImageDataset.load


class Touched(Exception):
    """An image of the training data was read."""


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    """Flags that name a teacher and a student as files."""
    folder = tmp_path_factory.mktemp("networks")
    for name, filters in (("teacher", 4), ("student", 2)):
        network = small_classifier((8, 8, 1), 10, filters, batch_norm=True)
        network.save(folder / f"{name}.keras")
    return [f"--{name}={folder / name}.keras" for name in ("teacher", "student")]


@pytest.fixture
def barred(monkeypatch):
    """Refuse the training images from the call on; test images may be measured."""

    def refuse(unless=lambda: False):
        def checked(self, split, shape=None):
            if split != "test" and not unless():
                raise Touched(split)
            return load(self, split, shape)

        monkeypatch.setattr(ImageDataset, "load", checked)
        # Compiling and drawing are not what is tested here, and take seconds.
        compile_ = DataFreeDistiller.compile
        monkeypatch.setattr(
            DataFreeDistiller,
            "compile",
            lambda self, *given, **more: compile_(self, *given, **{**more, "run_eagerly": True}),
        )
        monkeypatch.setattr("dfad_tf.train._draw", lambda *arguments: None)
        monkeypatch.setattr("keras.callbacks.TensorBoard", lambda _: keras.callbacks.Callback())

    return refuse


def steps(name):
    return ["--student_steps=1", "--memory_share=0.5"] if "dafl" not in name else []


@pytest.mark.parametrize("name", METHODS)
def test_no_training_image_is_read(tmp_path, networks, barred, name):
    barred()
    run(*TINY, *networks, f"--method={name}", *steps(name), f"--workdir={tmp_path / 'run'}")
    assert (tmp_path / "run" / "result.json").exists()


def test_a_teacher_may_be_trained_but_nothing_is_read_after_it(tmp_path, barred):
    cache, read = tmp_path / "teachers", []

    def still_without_teacher():
        read.append(1)
        return not list(cache.glob("*.keras"))

    barred(unless=still_without_teacher)
    run(
        *TINY, "--teacher_model=mlp", "--teacher_epochs=1", "--student=mlp", "--method=dfad",
        "--student_steps=1", f"--teacher_cache={cache}", f"--workdir={tmp_path / 'run'}",
    )  # fmt: skip
    assert read == [1]  # once, by the teacher


class Cheat(GeneratorObjective):
    """Makes the generator's images out of real ones."""

    def call(self, forward):
        images, _ = open_dataset("digits").load("train", tuple(forward.images.shape[1:]))
        return keras.ops.mean(keras.ops.square(forward.images - images[: len(forward.images)]))


def test_a_method_that_cheats_is_noticed(tmp_path, networks, barred, monkeypatch):
    row = table._Row((lambda settings: (Cheat(),),))
    monkeypatch.setitem(METHODS, "dfad", row)
    arguments = (*TINY, *networks, "--method=dfad", "--student_steps=1")
    barred(unless=lambda: True)
    run(*arguments, f"--workdir={tmp_path / 'unseen'}")  # it works, so only this test sees it
    barred()
    with pytest.raises(Touched, match="train"):
        run(*arguments, f"--workdir={tmp_path / 'seen'}")


def test_a_method_with_data_reads_them(tmp_path, networks, barred):
    barred()
    with pytest.raises(Touched, match="train"):
        run(*TINY, *networks, "--method=labels", f"--workdir={tmp_path / 'run'}")
