"""Folders of invented runs, and a stand-in for the process that carries out a run."""

import json
import os
import subprocess
import sys

RESULT = {
    "dataset": "mnist",
    "teacher": "/home/teachers/mnist_lenet5_0123456789.keras",
    "student": "lenet5_half",
    "student_start": "the teacher's filters",
    "teacher_accuracy": 0.99,
    "teacher_parameters": 61_706,
    "teacher_macs": 416_520,
    "student_parameters": 15_738,
    "student_macs": 133_740,
    "images_generated": 1000,
    "student_samples": 5000,
    "real_images": 0,
    "distillation_seconds": 10.0,
    "versions": {"commit": "abc1234"},
}


def write_run(folder, epochs, **result):
    """Write the files of a run; `epochs` are its accuracies, None for an epoch without one.

    Each epoch generates 500 images and takes half of the run's seconds.
    """
    folder.mkdir(parents=True)
    half = {**RESULT, **result}["distillation_seconds"] / 2
    rows = [
        f"{index},{'NA' if value is None else value},{(index + 1) * 500},{(index + 1) * half}"
        for index, value in enumerate(epochs)
    ]
    text = "\n".join(["epoch,val_accuracy,images,seconds", *rows]) + "\n"
    (folder / "history.csv").write_text(text)
    content = {**RESULT, "student_accuracy": epochs[-1], **result}
    (folder / "result.json").write_text(json.dumps(content))


STAND_IN = """#!{python}
import pathlib, sys, time
sys.path.insert(0, {root!r})
from tests.helpers.made_up_runs import write_run
given = dict(a.lstrip("-").split("=", 1) for a in sys.argv[2:] if "=" in a)
with open({calls!r}, "a") as file:
    file.write(" ".join(sys.argv[1:]) + "\\n")
if given["method"] in {failing!r}:
    print("Some words")
    sys.exit("train: error: it did not work")
print("All is well")
write_run(pathlib.Path(given["workdir"]), [0.5, 0.9 + int(given["seed"]) / 100],
          method=given["method"])
"""


class StandIn:
    """Replaces the processes of runs by a script, and records their commands.

    Attributes:
        path: The script; its arguments are the command's module and the command's arguments.
        cores: Processors of each process that was started.
    """

    def __init__(self, folder, monkeypatch):
        self.calls, self.path, self.cores = folder / "calls.txt", folder / "stand_in", []
        self.failing()
        monkeypatch.setattr("dfad_tf.experiments.comparison_runs.RunProcess", self._start)

    def failing(self, *methods):
        """Let the runs of these methods fail from now on."""
        root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        text = STAND_IN.format(
            python=sys.executable, root=root, calls=str(self.calls), failing=list(methods)
        )
        self.path.write_text(text)
        self.path.chmod(0o755)

    def commands(self):
        """Return the command lines since the last call."""
        lines = self.calls.read_text().splitlines() if self.calls.exists() else []
        self.calls.unlink(missing_ok=True)
        return lines

    def _start(self, command, arguments, log, cores):
        self.cores.append(cores)
        with open(log, "w", encoding="utf-8") as file:
            return subprocess.Popen(
                [str(self.path), command, *arguments], stdout=file, stderr=subprocess.STDOUT
            )
