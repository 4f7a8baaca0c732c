"""The commands in processes of their own, as a shell starts them."""

import os
import re
import subprocess
import sys

import pytest

from tests.conftest import small_classifier


def command(*arguments, module="train", **environment):
    """Run a command in another process."""
    return subprocess.run(
        [sys.executable, "-m", f"dfad_tf.{module}", *arguments],
        capture_output=True, text=True, check=False, env={**os.environ, **environment},
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "environment", "message"),
    [
        (["--lerning_rate=1"], {}, "learning_rate"),
        (["--method=proposd"], {}, "Did you mean 'proposed'"),
        ([], {"KERAS_BACKEND": "jax"}, "KERAS_BACKEND.*jax"),
    ],
)
def test_a_mistake_gives_one_line_and_status_2(arguments, environment, message):
    done = command(*arguments, **environment)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert done.stderr.startswith("train: error: ")
    assert re.search(message, done.stderr)
    assert done.stdout == ""


@pytest.mark.slow
def test_evaluate_reads_its_flags(tmp_path):
    small_classifier((32, 32, 1), classes=10).save(tmp_path / "model.keras")
    done = command(f"--model={tmp_path / 'model.keras'}", "--dataset=digits", module="evaluate")
    assert done.returncode == 0, done.stderr
    assert "on 450 real test images of digits" in done.stdout


@pytest.mark.parametrize("module", ["train", "evaluate", "benchmark", "compare"])
def test_help_shows_the_flags(module):
    assert "--dataset" in command("--helpshort", module=module).stdout


@pytest.mark.slow
def test_evaluate_needs_a_model_and_a_data_set():
    done = command(module="evaluate")
    assert (done.returncode, done.stderr) == (
        2,
        "evaluate: error: Expected --model. Received: none\n",
    )
