"""The programs under benchmarks/ explain themselves, also where PyTorch is not installed."""

import importlib.util
import shutil
import subprocess
import sys

import numpy as np
import pytest

from benchmarks import kill_trial, own_teachers, rank_trial

PROGRAMS = (
    "kill_trial",
    "own_teachers",
    "pixel_teachers",
    "rank_trial",
    "size_grid",
    "torch_dfad",
    "trust_runs",
)
# Every import of PyTorch fails, whether or not it is installed.
WITHOUT_TORCH = """
import importlib.abc, runpy, sys

class Blocker(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] == "torch":
            raise ImportError(name)

sys.meta_path.insert(0, Blocker())
sys.argv = {argv!r}
runpy.run_module("benchmarks.{name}", run_name="__main__")
"""


def without_torch(name, *arguments):
    code = WITHOUT_TORCH.format(name=name, argv=[name, *arguments])
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


@pytest.mark.parametrize("name", PROGRAMS)
def test_help_needs_no_torch(name):
    done = without_torch(name, "--help")
    assert done.returncode == 0 and done.stderr == ""
    assert f"python -m benchmarks.{name}" in done.stdout


def test_torch_dfad_without_torch_fails_in_one_line():
    done = without_torch("torch_dfad", "--iterations=1")
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr == ("torch_dfad needs PyTorch: pip install -r benchmarks/requirements.txt\n")


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")
def test_torch_dfad_prints_the_line_that_the_benchmark_reads():
    command = [sys.executable, "-m", "benchmarks.torch_dfad", "--batch_size=8", "--iterations=1"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "s an iteration (median of 1)" in done.stdout


def write_history(folder, agreement, accuracy):
    folder.mkdir()
    rows = [f"{a},{1 - a},{b}" for a, b in zip(agreement, accuracy, strict=True)]
    text = "\n".join(["val_agreement,val_divergence,val_accuracy", *rows]) + "\n"
    (folder / "history.csv").write_text(text)


def test_rank_trial_reports_correlations_and_the_gain_of_the_selected_epoch(
    tmp_path, monkeypatch, capsys
):
    write_history(tmp_path / "first", [0.1, 0.5, 0.3], [0.2, 0.9, 0.4])
    write_history(tmp_path / "second", [0.6, 0.7, 0.8], [0.95, 0.93, 0.92])
    runs = [str(tmp_path / name) for name in ("first", "second")]
    monkeypatch.setattr(sys, "argv", ["rank_trial", *runs])
    rank_trial.main()
    agreement, divergence = capsys.readouterr().out.splitlines()
    # In the first run the ranks agree, in the second they are reversed.
    assert agreement.startswith("val_agreement: epochs of one run 0.00 (-1.00 to 1.00)")
    assert "last epochs of 2 runs 1.00" in agreement
    # The first run gains 90 − 40 points, and the second selects its last epoch.
    assert "minus the last: +25.00 points (+0.00 to +50.00)" in agreement
    assert divergence == agreement.replace("val_agreement", "val_divergence")


def test_rank_trial_rejects_a_folder_without_a_history(tmp_path):
    with pytest.raises(SystemExit, match="history.csv has val_agreement"):
        rank_trial.history(tmp_path)


class FakeTrial:
    """Runs that write a student each; the third one to be resumed differs."""

    def __init__(self, different):
        self.different, self.finished, self.kills = different, 0, []

    def finish(self, folder):
        folder.mkdir(exist_ok=True)
        self.finished += 1
        content = b"other" if self.different and self.finished == 3 else b"weights"
        with kill_trial.zipfile.ZipFile(folder / "student.keras", "w") as archive:
            archive.writestr("model.weights.h5", content)

    def kill(self, folder, delay, in_write):
        folder.mkdir()
        self.kills.append((delay, in_write))
        return None if len(self.kills) == 2 else in_write


@pytest.mark.parametrize("different", [False, True])
def test_kill_trial_counts_identical_students(tmp_path, capsys, different):
    trial = FakeTrial(different)
    draw = kill_trial.random.Random(0)
    assert kill_trial.run_trial(trial, tmp_path, 3, draw, 8.0) is not different
    # The second run ended before its kill, and counts for nothing.
    assert [in_write for _, in_write in trial.kills] == [True, False, False, False]
    assert 0 < np.min([delay for delay, _ in trial.kills]) < 8
    output = capsys.readouterr().out
    assert f"3 kills, 1 during a write; {2 if different else 3} of 3 students identical" in output
    assert output.count("DIFFERENT STUDENT") == different


@pytest.mark.slow
@pytest.mark.parametrize("name", ["residual_a", "plain_a"])
def test_a_teacher_of_ones_own_making_is_trained_saved_and_measured(
    name, tmp_path, monkeypatch, capsys
):
    random = np.random.default_rng(0)
    few = random.uniform(size=(128, 28, 28, 1)).astype("f4"), random.integers(0, 10, 128)
    monkeypatch.setattr(own_teachers, "load", lambda kind: (few, few))
    file = str(tmp_path / "teacher.keras")
    copy = tmp_path / "student.keras"
    for command in (
        ["train", "--kind=mnist", f"--name={name}", f"--file={file}"],
        ["measure", "--kind=mnist", f"--teacher={file}", str(copy)],
    ):
        monkeypatch.setattr(sys, "argv", ["own_teachers", *command])
        own_teachers.main()
        shutil.copy(file, copy)
    trained, teacher, student = capsys.readouterr().out.splitlines()
    assert trained.startswith(f"{name} on mnist: ") and trained.endswith(" %")
    accuracy = trained.split()[-2]
    for line, path in ((teacher, file), (student, copy)):
        assert line == f"{path}: {accuracy} % correct, 100.00 % as the teacher"


def test_the_digits_are_enlarged_and_divided():
    (images, labels), (test_images, test_labels) = own_teachers.load("digits")
    assert images.shape == (1347, 28, 28, 1) and test_images.shape == (450, 28, 28, 1)
    assert images.min() >= 0 and 0.9 < images.max() <= 1
    assert set(labels) == set(test_labels) == set(range(10))
