"""`train` with the methods that learn from labelled images."""

import csv
import json

import keras
import numpy as np
import pytest

from dfad_tf.data.datasets import open_dataset
from dfad_tf.data.labelled_batches import EpochOrder, labelled_batches
from dfad_tf.runs import supervised_run
from dfad_tf.utils.errors import InputError
from tests.command_line.test_shell import command
from tests.conftest import same, small_classifier
from tests.helpers.command import run

layers = keras.layers
TINY = ("--dataset=digits", "--image_shape=8,8,1", "--teacher_epochs=2", "--verbose=0")


def classifier(filters, name, scaled=True):
    """A classifier with feature maps of three sizes: 8×8, 4×4 and 2×2."""
    body = [layers.Rescaling(1 / 128, -0.5)] if scaled else []
    for count in (filters, 2 * filters, 2 * filters):
        body += [layers.Conv2D(count, 3, padding="same", activation="relu"), layers.MaxPooling2D()]
    end = [layers.Flatten(), layers.Dense(10)]
    return keras.Sequential([keras.Input((8, 8, 1)), *body[:-1], *end], name=name)


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    """Flags that name a teacher and a student as files."""
    folder = tmp_path_factory.mktemp("networks")
    for name, filters in (("teacher", 6), ("student", 3)):
        classifier(filters, name).save(folder / f"{name}.keras")
    return [f"--{name}={folder / name}.keras" for name in ("teacher", "student")]


@pytest.mark.slow
def test_a_run_writes_its_files_and_no_generator(tmp_path, networks, capsys):
    folder = tmp_path / "run"
    run(*TINY, *networks, "--method=at", "--data_share=0.5", f"--workdir={folder}", "--seed=2")
    assert {path.name for path in folder.iterdir()} == {
        "student.keras", "flags.flags", "history.csv", "tensorboard", "curves.png", "result.json",
    }  # fmt: skip
    result = json.loads((folder / "result.json").read_text())
    assert (result["method"], result["seed"], result["dataset"]) == ("at", 2, "digits")
    assert 664 <= result["real_images"] <= 684 and result["images_generated"] == 0
    assert result["generator"] is None and result["generated_agreement"] is None
    assert "generator_macs" not in result
    assert result["student_start"] == "random weights"
    assert 0 <= result["student_accuracy"] <= 1 and 0 <= result["agreement"] <= 1
    assert 0 < result["distillation_seconds"] < result["total_seconds"]
    rows = list(csv.DictReader((folder / "history.csv").open()))
    terms = ["label_loss", "attention_loss"]
    assert list(rows[0]) == ["epoch", "loss", *terms, "val_accuracy", "images", "seconds"]
    assert len(rows) == 2 and {row["images"] for row in rows} == {"0"}
    assert float(rows[-1]["val_accuracy"]) == pytest.approx(result["student_accuracy"], abs=1e-6)
    output = capsys.readouterr().out
    assert "with data" in output and "without data" not in output
    assert f"real images used  {result['real_images']}, with their labels" in output
    student = keras.models.load_model(folder / "student.keras")
    images, labels = open_dataset("digits").load("test", (8, 8, 1))
    accuracy = np.mean(student.predict(images.astype("f4"), verbose=0).argmax(-1) == labels)
    assert accuracy == pytest.approx(result["student_accuracy"])
    settings = (folder / "flags.flags").read_text().split()
    assert "--method=at" in settings and "--data_share=0.5" in settings


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fitnet", "ft"])
def test_a_method_of_two_stages_trains_them_in_order(tmp_path, networks, monkeypatch, method):
    fitted, fit = [], supervised_run.SupervisedDistiller.fit

    def recorded(self, *arguments, epochs, **more):
        fitted.append(([term.name for term in self.objectives], epochs))
        return fit(self, *arguments, epochs=epochs, **more)

    monkeypatch.setattr(supervised_run.SupervisedDistiller, "fit", recorded)
    monkeypatch.setattr("dfad_tf.runs.run_plots.draw", lambda *arguments: None)
    run(
        *TINY, *networks, f"--method={method}", "--preparation_epochs=3", "--data_share=0.05",
        "--teacher_batch_size=1000", f"--workdir={tmp_path / 'run'}",
    )  # fmt: skip
    first, second = {
        "fitnet": (["hint_loss"], ["label_loss", "logits_loss"]),
        "ft": (["reconstruction_loss"], ["label_loss", "factor_loss"]),
    }[method]
    assert fitted == [(first, 3), (second, 2)]


@pytest.mark.slow
def test_a_seed_gives_the_same_student(tmp_path, networks, monkeypatch):
    monkeypatch.setattr("dfad_tf.runs.run_plots.draw", lambda *arguments: None)
    found = []
    for place, seed in enumerate((3, 3, 4)):
        folder = tmp_path / str(place)
        run(
            *TINY, *networks, "--method=labels", f"--seed={seed}", "--data_share=0.1",
            "--precision=float32", f"--workdir={folder}",
        )  # fmt: skip
        found.append(keras.models.load_model(folder / "student.keras").get_weights())
    assert same(found[0], found[1]) and not same(found[0], found[2])


@pytest.mark.slow
def test_images_have_the_input_range_of_the_teacher(tmp_path, monkeypatch):
    for name, filters in (("teacher", 4), ("student", 2)):
        classifier(filters, name, scaled=False).save(tmp_path / f"{name}.keras")
    seen, step = [], supervised_run.SupervisedDistiller.train_step

    def recorded(self, data):
        seen.append(np.array(data[0]))
        return step(self, data)

    monkeypatch.setattr(supervised_run.SupervisedDistiller, "train_step", recorded)
    compile_ = supervised_run.SupervisedDistiller.compile
    monkeypatch.setattr(
        supervised_run.SupervisedDistiller,
        "compile",
        lambda self, *a, **k: compile_(self, *a, **{**k, "run_eagerly": True}),
    )
    monkeypatch.setattr("dfad_tf.runs.run_plots.draw", lambda *arguments: None)
    run(
        "--dataset=digits", f"--teacher={tmp_path / 'teacher.keras'}", "--method=labels",
        f"--student={tmp_path / 'student.keras'}", "--input_range=zero_one", "--teacher_epochs=1",
        "--data_share=0.02", "--teacher_batch_size=2000", f"--workdir={tmp_path / 'run'}",
        "--verbose=0",
    )  # fmt: skip
    assert seen[0].shape == (1347, 8, 8, 1)  # a whole epoch, drawn from 2 % of the images
    assert len({image.tobytes() for image in seen[0]}) < 60
    assert seen[0].min() == 0 and 0.9 < seen[0].max() <= 1


LABELS = np.repeat([0, 1, 2], [100, 40, 4])
IMAGES = np.arange(144).reshape(-1, 1, 1, 1)


@pytest.mark.parametrize(
    ("share", "counts"),
    [(1.0, [100, 40, 4]), (0.5, [50, 20, 2]), (0.1, [10, 4, 1]), (0.001, [1, 1, 1])],
)
def test_a_share_is_the_same_share_of_each_class_and_depends_on_the_seed(share, counts):
    images, labels = supervised_run._share(IMAGES, LABELS, share, 0)
    assert np.bincount(labels).tolist() == counts
    np.testing.assert_array_equal(LABELS[images.ravel()], labels)
    assert len(set(images.ravel())) == len(images)
    again, _ = supervised_run._share(IMAGES, LABELS, share, 0)
    np.testing.assert_array_equal(images, again)
    if share < 1:
        other, _ = supervised_run._share(IMAGES, LABELS, share, 1)
        assert not np.array_equal(images, other)


def test_a_share_of_too_few_images_is_rejected():
    with pytest.raises(InputError, match="`data_share` to select at least 2 of 100 images"):
        supervised_run._share(IMAGES[:100], LABELS[:100], 0.001, 0)


@pytest.mark.parametrize("augmentation", ["none", "crop"])
@pytest.mark.parametrize(("available", "count"), [(50, None), (50, 130), (7, 130)])
def test_an_epoch_has_as_many_steps_for_every_share(available, count, augmentation):
    images = np.arange(available, dtype=np.uint8).reshape(-1, 1, 1, 1) * np.ones(
        (1, 8, 8, 1), np.uint8
    )
    data = labelled_batches(images, np.arange(available), 32, augmentation, EpochOrder(count=count))
    labels = [batch.numpy() for _, batch in data]
    count = count or available
    assert [len(batch) for batch in labels] == [32] * (count // 32) + [count % 32]
    seen = np.bincount(np.concatenate(labels), minlength=available)
    assert seen.max() - seen.min() <= 1 and len(seen) == available


@pytest.mark.slow
def test_a_missing_data_set_is_reported_in_one_line(networks):
    done = command(networks[0], "--method=kd")
    assert done.returncode == 2 and done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "Expected --dataset with --method=kd" in done.stderr


@pytest.mark.parametrize("method", ["zskt", "at", "fitnet", "ft"])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--teacher_layers=nothing"], "`teacher_layers` to name.*'nothing'"),
        (["--student_layers=nothing"], "`student_layers` to name.*'nothing'"),
        (
            ["--teacher_layers=logits"],
            "`teacher_layers` to name layers with feature maps.*'logits'",
        ),
        (["--student=mlp"], "as many"),
    ],
)
def test_layers_are_checked_before_a_teacher_is_trained(tmp_path, method, arguments, message):
    cache = tmp_path / "teachers"
    cache.mkdir()
    with pytest.raises(InputError, match=message) as caught:
        run(
            f"--method={method}", "--dataset=digits", f"--teacher_cache={cache}", *arguments,
            f"--workdir={tmp_path / 'run'}",
        )  # fmt: skip
    assert "\n" not in str(caught.value)
    assert list(cache.iterdir()) == [] and not (tmp_path / "run").exists()


@pytest.mark.slow
def test_layers_of_a_supplied_teacher_are_checked_before_a_folder_is_created(tmp_path, networks):
    for method in ("zskt", "at"):
        with pytest.raises(InputError, match="'nothing'"):
            run(
                *TINY, *networks, f"--method={method}", "--teacher_layers=nothing",
                f"--workdir={tmp_path / 'run'}",
            )  # fmt: skip
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_run_that_diverges_names_the_learning_rate(tmp_path, networks, monkeypatch):
    monkeypatch.setattr("dfad_tf.runs.run_plots.draw", lambda *arguments: None)
    with pytest.raises(InputError, match="loss became nan.*smaller `teacher_learning_rate`"):
        run(
            *TINY, *networks, "--method=labels", "--teacher_learning_rate=1e30",
            "--data_share=0.1", f"--workdir={tmp_path / 'run'}",
        )  # fmt: skip
    assert (tmp_path / "run" / "student.keras").exists()


def test_a_student_of_other_classes_is_rejected(tmp_path, networks):
    small_classifier((8, 8, 1), 9).save(tmp_path / "other.keras")
    with pytest.raises(InputError, match="`student` to have the teacher's output shape"):
        run(*TINY, networks[0], f"--student={tmp_path / 'other.keras'}", "--method=kd")
