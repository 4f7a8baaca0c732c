"""Two processes train together as two workers, as on two machines."""

import csv
import json
import os
import pathlib
import re
import socket
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from dfad_tf.command_line import distributed
from dfad_tf.runs import workers
from tests.conftest import same, weights

ROOT = pathlib.Path(__file__).parent.parent.parent
ARGUMENTS = [
    *("--dataset=digits", "--teacher_epochs=1", "--epochs=2", "--steps_per_epoch=30"),
    *("--batch_size=16", "--student_steps=2", "--generator=dense", "--export=none"),
    *("--memory_size=64", "--memory_share=0.5", "--backup_every=4", "--verbose=2"),
    "--precision=float32",
]


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def start(arguments, ports=(), index=0):
    """Start a run in another process: one of the workers that listen on some ports."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    if ports:
        cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
        content = {"cluster": cluster, "task": {"type": "worker", "index": index}}
        environment["TF_CONFIG"] = json.dumps(content)
    return subprocess.Popen(
        [sys.executable, "-m", "dfad_tf.train", *ARGUMENTS, *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(stream, text):
    """Read lines until one contains a text, and return it."""
    return next((line for line in stream if text in line), None)


def history(folder):
    with open(folder / "history.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [[float(row[name]) for name in row if name != "seconds"] for row in rows]


def test_with_one_worker_errors_pass_and_nothing_waits():
    strategy = tf.distribute.get_strategy()
    with distributed.as_worker(strategy), pytest.raises(tf.errors.UnavailableError):
        raise tf.errors.UnavailableError(None, None, "gone")
    workers.wait_for_all(strategy)


def train(folder, cache, index=0, ports=()):
    return start([f"--teacher_cache={cache}", f"--workdir={folder}"], ports, index)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A folder with a run on one device, `one`, and a run on two workers, `two`."""
    folder = tmp_path_factory.mktemp("runs")
    single = train(folder / "one", folder / "cache")
    assert "Traceback" not in single.communicate(timeout=300)[1] and single.returncode == 0
    ports = free_ports(2)
    both = [train(folder / "two", folder / "cache", index, ports) for index in (0, 1)]
    (output, errors), (other, _) = (each.communicate(timeout=300) for each in both)
    assert [each.returncode for each in both] == [0, 0], errors
    # Only the chief prints and writes the folder of the run.
    assert "Saved in" in output and not other
    return folder


@pytest.mark.slow
def test_two_workers_train_as_one_device_at_the_same_global_batch(runs):
    assert sorted(path.name for path in runs.iterdir()) == ["cache", "one", "two"]
    result = json.loads((runs / "two" / "result.json").read_text(encoding="utf-8"))
    assert result["replicas"] == 2
    first, second = (np.array(history(runs / name)) for name in ("one", "two"))
    losses = slice(1, 8)
    # Adam divides gradients by their size, also rounding errors: 120 steps differ visibly.
    np.testing.assert_allclose(first[:, losses], second[:, losses], rtol=3e-2)


@pytest.mark.slow
@pytest.mark.parametrize("lost", [0, 1])
def test_a_run_with_a_killed_worker_ends_with_the_same_student(runs, tmp_path, lost):
    """The remaining worker prints one line and starts again; the test restarts the lost one."""
    ports = free_ports(2)
    both = [train(tmp_path / "run", runs / "cache", index, ports) for index in (0, 1)]
    try:
        assert wait_for(both[0].stdout, "Epoch 2")
        both[lost].kill()
        errors = both[1 - lost].stderr
        assert (line := wait_for(errors, "This worker starts again")) and "waits for" in line
        both[lost].communicate()
        both[lost] = train(tmp_path / "run", runs / "cache", lost, ports)
        (output, _), _ = (each.communicate(timeout=300) for each in both)
        assert [each.returncode for each in both] == [0, 0]
    finally:
        for each in both:
            each.kill()
    assert re.search(r"Resuming in epoch [12] after step \d", output)
    assert history(tmp_path / "run") == history(runs / "two")
    students = [
        keras.models.load_model(folder / "student.keras")
        for folder in (tmp_path / "run", runs / "two")
    ]
    assert same(*map(weights, students))
    remaining = [path.name for path in (tmp_path / "run").iterdir()]
    assert "backup" not in remaining and "result.json" in remaining
