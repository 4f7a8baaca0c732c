"""Run a command in a process of its own, without importing TensorFlow again for each."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import pathlib
import sys
import threading
from collections.abc import Sequence
from multiprocessing.process import BaseProcess

_PRELOAD = "dfad_tf.experiments.preload"


class RunProcess:
    """A command of this package in a process of its own.

    On Linux, the process is forked from a server that has imported TensorFlow and computed
    nothing. Elsewhere it is a new interpreter. It ends when the process that started it ends.

    Args:
        command: Module of the command, with a function `run`: `"dfad_tf.train"`.
        arguments: Command-line arguments of the command.
        log: File for standard output and standard error.
        cores: Processors that the command may use; None for all.
    """

    def __init__(
        self,
        command: str,
        arguments: Sequence[str],
        log: pathlib.Path,
        cores: Sequence[int] | None = None,
    ) -> None:
        kind: type[BaseProcess] = multiprocessing.get_context("spawn").Process
        if sys.platform == "linux":  # on macOS, system libraries do not survive a fork
            context = multiprocessing.get_context("forkserver")
            context.set_forkserver_preload([_PRELOAD, command])
            kind = context.Process
        self._process = kind(target=_run_command, args=(command, list(arguments), str(log), cores))
        self._process.start()

    @property
    def pid(self) -> int | None:
        """Identifier of the process."""
        return self._process.pid

    def poll(self) -> int | None:
        """Return the exit status, negative for a signal; None while the process runs."""
        return self._process.exitcode

    def terminate(self) -> None:
        """Ask the process to end, by SIGTERM."""
        self._process.terminate()

    def wait(self) -> int | None:
        """Wait for the end of the process and return its exit status."""
        self._process.join()
        return self._process.exitcode


def _run_command(command: str, arguments: list[str], log: str, cores: Sequence[int] | None) -> None:
    """Run a command in this process as its command line would."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if cores:
        os.sched_setaffinity(0, cores)
    with open(log, "wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    name = command.rpartition(".")[2]
    sys.argv = [f"{name}.py", *arguments]
    # A worker of several that is lost starts again by this command line.
    sys.orig_argv = [sys.executable, "-m", command, *arguments]
    importlib.import_module(command).run()


def _end_with_parent() -> None:
    """End this process when the one that started it has ended, even by SIGKILL."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
