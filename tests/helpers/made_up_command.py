"""A command for tests of processes; its first argument is the action."""

import os
import sys
import time


def run():
    """Print, exit with a status, or wait."""
    action, *values = sys.argv[1:]
    if action == "print":
        cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        print(sys.argv[0], *values, "tensorflow" in sys.modules, cores)
        print("to the error output", file=sys.stderr)
    elif action == "exit":
        sys.exit(int(values[0]))
    elif action == "wait":
        print("waiting", flush=True)
        time.sleep(60)


def start_and_wait(log):
    """Start the command with the action "wait", print its process id, and wait for a signal."""
    from dfad_tf.experiments.run_process import RunProcess

    process = RunProcess(__name__, ["wait"], log)
    while b"waiting" not in log.read_bytes() if log.exists() else True:
        time.sleep(0.05)
    print(process.pid, flush=True)
    time.sleep(60)
