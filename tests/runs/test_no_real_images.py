"""A method without data reads no real training image while it distils."""

import keras
import pytest

from dfad_tf.data.datasets import ImageDataset, open_dataset
from dfad_tf.distillation.distiller import DataFreeDistiller
from dfad_tf.methods import table
from dfad_tf.methods.table import METHODS
from dfad_tf.synthesis.objectives import GeneratorObjective
from tests.conftest import small_classifier
from tests.helpers.command import run
from tests.helpers.small_distiller import POOLED

TINY = (
    "--dataset=digits", "--image_shape=8,8,1", "--epochs=1", "--steps_per_epoch=1",
    "--batch_size=8", "--generator=compact_32", "--precision=float32", "--verbose=0",
)  # fmt: skip
load = ImageDataset.load


class TrainingImagesRead(Exception):
    """The training images of a data set were read."""


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    """Flags that name a teacher and a student as files."""
    folder = tmp_path_factory.mktemp("networks")
    for name, filters in (("teacher", 4), ("student", 2)):
        network = small_classifier((8, 8, 1), 10, filters, batch_norm=True)
        network.save(folder / f"{name}.keras")
    files = [f"--{name}={folder / name}.keras" for name in ("teacher", "student")]
    return [*files, "--input_range=zero_one"]  # random weights do not indicate a range


@pytest.fixture
def forbid_training_images(monkeypatch):
    """A function, after whose call only test images can be read."""

    def forbid(unless=lambda: False):
        def checked(self, split, shape=None):
            if split != "test" and not unless():
                raise TrainingImagesRead(split)
            return load(self, split, shape)

        monkeypatch.setattr(ImageDataset, "load", checked)
        # Compilation and plots take seconds, and are not tested here.
        compile_ = DataFreeDistiller.compile
        monkeypatch.setattr(
            DataFreeDistiller,
            "compile",
            lambda self, *given, **more: compile_(self, *given, **{**more, "run_eagerly": True}),
        )
        monkeypatch.setattr("dfad_tf.runs.run_plots.draw", lambda *arguments: None)
        monkeypatch.setattr("keras.callbacks.TensorBoard", lambda _: keras.callbacks.Callback())

    return forbid


def steps(name):
    if name in POOLED:
        few = ["--inversion_steps=2", "--memory_size=16", "--procedural_size=16"]
        return [*few, "--student_steps=1"]
    return ["--student_steps=1", "--memory_share=0.5"] if "dafl" not in name else []


@pytest.mark.slow
@pytest.mark.parametrize("name", METHODS)
def test_no_training_image_is_read(tmp_path, networks, forbid_training_images, name):
    forbid_training_images()
    run(*TINY, *networks, f"--method={name}", *steps(name), f"--workdir={tmp_path / 'run'}")
    assert (tmp_path / "run" / "result.json").exists()


@pytest.mark.slow
def test_only_the_training_of_a_missing_teacher_reads_training_images(
    tmp_path, forbid_training_images
):
    cache, read = tmp_path / "teachers", []

    def teacher_is_missing():
        read.append(1)
        return not list(cache.glob("*.keras"))

    forbid_training_images(unless=teacher_is_missing)
    run(
        *TINY, "--teacher_model=mlp", "--teacher_epochs=1", "--student=mlp", "--method=dfad",
        "--student_steps=1", f"--teacher_cache={cache}", f"--workdir={tmp_path / 'run'}",
    )  # fmt: skip
    assert read == [1]  # once, by the training of the teacher


class RealImageObjective(GeneratorObjective):
    """Compares generated images with real ones, which a method without data must not do."""

    def call(self, forward):
        images, _ = open_dataset("digits").load("train", tuple(forward.images.shape[1:]))
        return keras.ops.mean(keras.ops.square(forward.images - images[: len(forward.images)]))


@pytest.mark.slow
def test_an_objective_that_reads_training_images_is_detected(
    tmp_path, networks, forbid_training_images, monkeypatch
):
    row = table._Row((lambda settings: (RealImageObjective(),),))
    monkeypatch.setitem(METHODS, "dfad", row)
    arguments = (*TINY, *networks, "--method=dfad", "--student_steps=1")
    forbid_training_images(unless=lambda: True)
    run(*arguments, f"--workdir={tmp_path / 'allowed'}")  # nothing else prevents it
    forbid_training_images()
    with pytest.raises(TrainingImagesRead, match="train"):
        run(*arguments, f"--workdir={tmp_path / 'forbidden'}")


def test_a_method_with_data_reads_training_images(tmp_path, networks, forbid_training_images):
    forbid_training_images()
    with pytest.raises(TrainingImagesRead, match="train"):
        run(*TINY, *networks, "--method=labels", f"--workdir={tmp_path / 'run'}")
