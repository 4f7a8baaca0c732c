"""Processes of runs: output, status, and that they end with the process that started them."""

import os
import pathlib
import signal
import subprocess
import sys
import time

import psutil
import pytest

from dfad_tf.experiments.run_process import RunProcess

COMMAND = "tests.helpers.made_up_command"


@pytest.mark.slow
def test_a_command_runs_as_from_its_command_line(tmp_path):
    core = min(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    log = tmp_path / "log.txt"
    process = RunProcess(COMMAND, ["print", "--a=b c"], log, None if core is None else [core])
    assert process.wait() == process.poll() == 0
    cores = [] if core is None else [core]
    output = log.read_text()
    # In whatever order the two streams were flushed.
    assert f"made_up_command.py --a=b c {sys.platform == 'linux'} {cores}\n" in output
    assert "to the error output\n" in output and len(output.splitlines()) == 2


@pytest.mark.slow
def test_the_status_is_that_of_the_command(tmp_path):
    assert RunProcess(COMMAND, ["exit", "2"], tmp_path / "log.txt").wait() == 2
    process = RunProcess(COMMAND, ["wait"], tmp_path / "log.txt")
    assert process.poll() is None
    process.terminate()
    assert process.wait() == -signal.SIGTERM


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere, no process is forked")
def test_nothing_runs_yet_in_the_process_that_is_forked():
    code = (
        "import os; import dfad_tf.experiments.preload; "
        "from tensorflow.python.eager import context; "
        "print(len(os.listdir('/proc/self/task')), context.context()._initialized)"
    )
    # The threads of OpenBLAS, which survive a fork, are left out.
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment)
    assert done.stdout.split() == [b"1", b"False"], done.stderr


@pytest.mark.slow
def test_a_run_ends_with_the_process_that_started_it(tmp_path):
    log = tmp_path / "log.txt"
    code = (
        "import pathlib\n"
        "from tests.helpers.made_up_command import start_and_wait\n"
        f"if __name__ == '__main__': start_and_wait(pathlib.Path({str(log)!r}))\n"
    )
    (tmp_path / "parent.py").write_text(code)
    parent = subprocess.Popen(
        [sys.executable, str(tmp_path / "parent.py")],
        env={**os.environ, "PYTHONPATH": str(pathlib.Path(__file__).parents[2])},
        stdout=subprocess.PIPE,
        text=True,
    )
    child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    for _ in range(100):
        if not child.is_running() or child.status() == psutil.STATUS_ZOMBIE:
            return
        time.sleep(0.05)
    child.kill()
    pytest.fail("the run has outlived the process that started it")
