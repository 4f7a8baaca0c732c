"""End a command within seconds of Ctrl-C, also inside a long TensorFlow operation."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator

_SECONDS = 4.0
_STATUS = 128 + signal.SIGINT


@contextlib.contextmanager
def leave_in_time(seconds: float = _SECONDS) -> Iterator[None]:
    """End the process some seconds after Ctrl-C, unless it has ended by itself.

    Python runs a signal's handler between two of its own instructions, so that a step of many
    seconds inside TensorFlow delays it. The system's part of the handler writes to a socket at
    once, and a thread that waits there ends the process. Backups are written atomically: the last
    one remains.

    Args:
        seconds: Time that the training has to end its step and write a backup.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # Python allows signal handlers in the main thread only
        return
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(reader, seconds), daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        writer.close()


def _watch(reader: socket.socket, seconds: float) -> None:
    while True:
        received = reader.recv(1)
        if not received:  # the command has ended
            return
        if received[0] == signal.SIGINT:
            time.sleep(seconds)
            name = os.path.basename(sys.argv[0]).removesuffix(".py")
            print(
                f"{name}: stopped by Ctrl-C, before the step had ended. The same command resumes "
                "from the last backup, if there is one.",
                file=sys.stderr,
                flush=True,
            )
            os._exit(_STATUS)
