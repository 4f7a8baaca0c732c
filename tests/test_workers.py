"""Two real processes train together, as two machines would."""

import csv
import json
import os
import pathlib
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf

from dfad_tf import workers

ROOT = pathlib.Path(__file__).parent.parent
ARGUMENTS = [
    *("--dataset=digits", "--teacher_epochs=1", "--epochs=2", "--steps_per_epoch=3"),
    *("--batch_size=16", "--student_steps=2", "--generator=dense", "--export=none"),
    *("--memory_size=64", "--memory_share=0.5", "--precision=float32", "--verbose=2"),
]


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def start(arguments, ports=(), index=0):
    """A run in a process of its own, as one of the workers that listen on some ports."""
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
    """Read lines until one holds a text, and return it."""
    return next((line for line in stream if text in line), None)


def history(folder):
    with open(folder / "history.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [[float(row[name]) for name in row if name != "seconds"] for row in rows]


def test_one_process_is_left_alone():
    strategy = tf.distribute.get_strategy()
    with workers.part_of(strategy), pytest.raises(tf.errors.UnavailableError):
        raise tf.errors.UnavailableError(None, None, "gone")
    workers.wait_for_all(strategy)


def test_two_processes_are_one_device_at_the_same_global_batch(tmp_path):
    shared = f"--teacher_cache={tmp_path / 'cache'}"
    one = start([shared, f"--workdir={tmp_path / 'one'}"])
    assert one.communicate(timeout=200)[1].count("Traceback") == 0 and one.returncode == 0
    ports = free_ports(2)
    both = [start([shared, f"--workdir={tmp_path / 'two'}"], ports, index) for index in (0, 1)]
    (chief_out, chief_errors), (other_out, _) = (each.communicate(timeout=200) for each in both)
    assert [each.returncode for each in both] == [0, 0], chief_errors
    # One of them prints and leaves the run's folder.
    assert "Everything lies in" in chief_out and not other_out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "one", "two"]
    result = json.loads((tmp_path / "two" / "result.json").read_text(encoding="utf-8"))
    assert result["replicas"] == 2
    np.testing.assert_allclose(
        history(tmp_path / "one"), history(tmp_path / "two"), rtol=2e-2, atol=2e-3
    )


@pytest.mark.parametrize("lost", [0, 1])
def test_who_is_left_begins_anew_with_one_line(tmp_path, lost):
    """Killed, the one or the other: no traceback, and no waiting in a sum without an end."""
    arguments = [f"--teacher_cache={tmp_path / 'cache'}", "--steps_per_epoch=2000"]
    ports = free_ports(2)
    both = [start([*arguments, f"--workdir={tmp_path / 'run'}"], ports, index) for index in (0, 1)]
    try:
        assert wait_for(both[0].stdout, "Epoch 1")
        both[lost].kill()
        left = both[1 - lost]
        lines = []
        for line in left.stderr:
            lines.append(line)
            if "begins anew and waits for it" in line:
                break
        assert "begins anew" in lines[-1] and not any("Traceback" in line for line in lines)
        time.sleep(1)
        assert left.poll() is None  # the same process, now as the command's beginning
    finally:
        for each in both:
            each.kill()
            each.communicate()
