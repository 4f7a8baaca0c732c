"""`train`: small runs without data, and the files that they write."""

import csv
import json
import subprocess
import sys

import keras
import numpy as np
import pytest

from dfad_tf import evaluate
from dfad_tf.command_line import network_builder
from dfad_tf.utils.errors import InputError
from tests.conftest import small_classifier
from tests.helpers.command import run
from tests.helpers.small_runs import SMALL, own, save_teacher


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("teachers")


@pytest.fixture
def teacher(tmp_path):
    return save_teacher(tmp_path)


@pytest.mark.slow
def test_a_run_writes_its_files(tmp_path, cache, capsys):
    folder = tmp_path / "run"
    arguments = (
        *SMALL,
        "--method=proposed",  # the recipe adds a memory
        "--teacher_model=mlp",
        "--teacher_epochs=2",
        f"--teacher_cache={cache}",
    )
    run(*arguments, f"--workdir={folder}", "--seed=3")
    present = {path.name for path in folder.iterdir()}
    assert present == {
        "student.keras", "generator.keras", "teacher.keras", "flags.flags", "history.csv",
        "tensorboard", "curves.png", "samples.png", "trust.png", "result.json",
    }  # fmt: skip
    result = json.loads((folder / "result.json").read_text())
    assert set(result["trust"]["probes"]) == {
        "generated", "drawn", "matched", "blended", "corrupted",
    }  # fmt: skip
    assert result["trust"]["verdict"] in ("trustworthy", "doubtful", "do not use")
    assert result["dataset"] == "digits" and result["method"] == "proposed"
    assert result["seed"] == 3 and result["images_generated"] == 2 * 3 * 6 * 16
    assert result["real_images"] == 0
    assert result["student_parameters"] == 15_738 and result["student_macs"] == 133_740
    assert 0 < result["distillation_seconds"] < result["total_seconds"]
    stages = result["stage_seconds"]
    assert list(stages) == [
        "start", "distillation", "measuring", "trust report", "pictures", "export",
    ]  # fmt: skip
    assert stages["distillation"] == result["distillation_seconds"]
    assert result["versions"]["keras"] == keras.__version__
    output = capsys.readouterr().out
    for words in ("Plan", "multiply-adds", "Result", "real images used: none", str(folder)):
        assert words in output
    # The accuracies are those of the saved files, as `evaluate` measures them.
    run_evaluate(folder / "student.keras")
    again = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert again["accuracy"] == result["student_accuracy"]
    run_evaluate(folder / "teacher.keras")
    again = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert again["accuracy"] == result["teacher_accuracy"]
    student = keras.models.load_model(folder / "student.keras")
    generator = keras.models.load_model(folder / "generator.keras")
    assert student(generator(np.zeros((2, 100)))).shape == (2, 10)
    check_keras_alone_loads(folder / "generator.keras", folder / "student.keras")


def check_keras_alone_loads(*paths):
    """Check that a process that cannot import the package loads the networks of a run."""
    code = (
        "import sys; sys.modules['dfad_tf'] = None\n"  # an import of the package fails
        "import keras\n"
        "for path in sys.argv[1:]:\n"
        "    print(keras.saving.load_model(path).output_shape)\n"
    )
    child = subprocess.run(
        [sys.executable, "-c", code, *map(str, paths)], capture_output=True, text=True, check=False
    )
    assert child.returncode == 0, child.stderr
    assert child.stdout.splitlines() == ["(None, 32, 32, 1)", "(None, 10)"]


def run_evaluate(model):
    run("--dataset=digits", f"--model={model}", "--json=-", main=evaluate.main)


@pytest.mark.slow
def test_a_supplied_teacher_needs_no_data(tmp_path, teacher, capsys):
    folder = tmp_path / "run"
    run(*SMALL, *own(teacher), "--student=compact_4", f"--workdir={folder}")
    result = json.loads((folder / "result.json").read_text())
    assert result["dataset"] is None and result["student_accuracy"] is None
    assert 0 <= result["generated_agreement"] <= 1
    assert not (folder / "teacher.keras").exists()
    assert "not measured" in capsys.readouterr().out
    student = keras.models.load_model(folder / "student.keras")
    assert student.input_shape == (None, 9, 10, 2)


@pytest.mark.slow
def test_a_saved_model_can_be_the_teacher(tmp_path):
    small_classifier((9, 10, 3), classes=4, filters=256).export(tmp_path / "saved", verbose=False)
    folder = tmp_path / "run"
    run(*SMALL, f"--teacher={tmp_path / 'saved'}", f"--workdir={folder}", "--input_range=zero_one")
    result = json.loads((folder / "result.json").read_text())
    assert result["teacher_parameters"] > 0 and result["teacher_macs"] > 0
    assert result["student"] == "compact_8"


@pytest.mark.slow
def test_a_supplied_student_starts_from_new_weights(tmp_path, teacher):
    supplied = small_classifier((9, 10, 2), classes=4)
    supplied.save(tmp_path / "supplied.keras")
    folder = tmp_path / "run"
    run(
        *SMALL, *own(teacher), f"--student={tmp_path / 'supplied.keras'}",
        f"--workdir={folder}", "--learning_rate=1e-9", "--seed=3",
    )  # fmt: skip
    student = keras.models.load_model(folder / "student.keras")
    assert student.count_params() == supplied.count_params()
    assert not np.allclose(student.get_weights()[0], supplied.get_weights()[0])


@pytest.mark.slow
def test_a_seed_and_the_recorded_flags_give_the_same_student(tmp_path, teacher):
    folders = [tmp_path / name for name in ("first", "again", "other")]
    run(*SMALL, *own(teacher), "--seed=5", f"--workdir={folders[0]}")
    run(f"--flagfile={folders[0] / 'flags.flags'}", f"--workdir={folders[1]}")
    run(*SMALL, *own(teacher), "--seed=6", f"--workdir={folders[2]}")
    first, again, other = (
        keras.models.load_model(folder / "student.keras").get_weights() for folder in folders
    )
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


class _Compiled(Exception):
    """The distiller was compiled; the test ends here."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("argument", "precision"),
    [
        ("--precision=auto", "measured"),
        ("--seed=1", "measured"),
        ("--precision=mixed_float16", "mixed_float16"),
        ("--precision=float32", "float32"),
    ],
)
def test_the_distiller_is_compiled_with_the_precision_of_the_flag_or_of_the_device(
    tmp_path, teacher, monkeypatch, argument, precision
):
    def compile_(self, optimizer, generator_optimizer, method, **arguments):
        raise _Compiled(arguments["precision"])

    monkeypatch.setattr("dfad_tf.compute.precision.fastest_precision", lambda: "measured")
    monkeypatch.setattr("dfad_tf.distillation.distiller.DataFreeDistiller.compile", compile_)
    with pytest.raises(_Compiled, match=f"^{precision}$"):
        run(*SMALL, *own(teacher), argument, f"--workdir={tmp_path / 'run'}")


@pytest.mark.slow
def test_a_run_with_a_memory_in_bfloat16(tmp_path, teacher, capsys):
    folder = tmp_path / "run"
    run(
        *SMALL, *own(teacher), f"--workdir={folder}", "--student=compact_4",
        "--memory_size=40", "--memory_share=0.5", "--precision=mixed_bfloat16",
        "--method=dfad", "--student_steps=1",
    )  # fmt: skip
    result = json.loads((folder / "result.json").read_text())
    # Two epochs of three steps: a batch of the generator, and half a batch of the student's step.
    assert result["images_generated"] == 2 * 3 * (16 + 8)
    assert result["precision"] == "mixed_bfloat16"
    settings = (folder / "flags.flags").read_text().split()
    for setting in ("--memory_size=40", "--memory_share=0.5", "--precision=mixed_bfloat16"):
        assert setting in settings
    assert "mixed_bfloat16" in capsys.readouterr().out
    for name in ("student", "generator"):
        network = keras.models.load_model(folder / f"{name}.keras")
        assert {layer.dtype_policy.name for layer in network.layers} == {"float32"}


@pytest.mark.slow
def test_a_run_that_diverges_names_the_learning_rate(tmp_path, teacher):
    folder = tmp_path / "run"
    with pytest.raises(InputError, match="not finite.*restored 1 times.*smaller `learning_rate`"):
        run(
            *SMALL, *own(teacher), "--learning_rate=1e30", "--max_restores=1",
            f"--workdir={folder}",
        )  # fmt: skip
    assert (folder / "student.keras").exists() and not (folder / "result.json").exists()


@pytest.mark.slow
def test_a_run_ends_when_the_agreement_has_stopped_rising(tmp_path, teacher, capsys):
    folder = tmp_path / "run"
    run(
        *SMALL, *own(teacher), "--epochs=12", "--learning_rate=1e-9", "--patience=2",
        "--on_collapse=warn", "--export=none", f"--workdir={folder}",
    )  # fmt: skip
    result = json.loads((folder / "result.json").read_text())
    # Images are drawn up to epoch 6, and every draw may raise the agreement.
    assert 1 <= result["epochs_left"] <= 9
    epochs = 12 - result["epochs_left"]
    assert result["images_generated"] == epochs * 3 * 16
    assert result["student_samples"] == epochs * 3 * 5 * 16
    assert f"{result['epochs_left']} epochs before the last" in capsys.readouterr().out


@pytest.mark.slow
def test_epochs_without_a_measurement_are_NA_in_the_history(tmp_path, cache):
    run(
        *SMALL, "--teacher_model=mlp", "--teacher_epochs=2", f"--teacher_cache={cache}",
        f"--workdir={tmp_path / 'run'}", "--validation_freq=2",
    )  # fmt: skip
    rows = list(csv.DictReader((tmp_path / "run" / "history.csv").open()))
    assert rows[0]["val_accuracy"] == "NA" and 0 <= float(rows[1]["val_accuracy"]) <= 1
    generated = json.loads((tmp_path / "run" / "result.json").read_text())["images_generated"]
    assert [2 * int(rows[0]["images"]), int(rows[1]["images"])] == [generated, generated]
    assert 0 < float(rows[0]["seconds"]) < float(rows[1]["seconds"]) < 600


def test_a_supplied_student_keeps_its_adapted_normalization(tmp_path):
    layer = keras.layers.Normalization(axis=-1)
    layer.adapt(np.random.default_rng(0).normal(5.0, 2.0, (500, 8, 8, 1)))
    supplied = keras.Sequential([keras.Input((8, 8, 1)), layer, *small_classifier().layers])
    fresh = network_builder._untrained(supplied)
    at_mean = fresh.layers[0](np.full((1, 8, 8, 1), 5.0))
    assert np.abs(at_mean).max() < 0.2
    with pytest.raises(InputError, match="--student"):
        network_builder._untrained(keras.Sequential([keras.layers.Dense(3)]))
