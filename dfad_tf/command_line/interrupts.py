"""End a command within seconds of Ctrl-C, also inside a long TensorFlow operation."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator

_SECONDS = 4.0
_STATUS = 128 + signal.SIGINT


@contextlib.contextmanager
def leave_in_time(command: str, seconds: float = _SECONDS) -> Iterator[None]:
    """End the process some seconds after Ctrl-C, unless it has ended by itself.

    Python runs signal handlers between two of its own instructions, so that a TensorFlow operation
    of many seconds delays them. The handler in C writes a byte to a socket immediately, and a
    thread that reads the socket ends the process. Files are written atomically, so that the last
    backup remains.

    Args:
        command: Name of the command, for the message.
        seconds: Time that the command has to end by itself, such as after a last backup.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # Python allows signal handlers in the main thread only
        return
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    errors = os.dup(2)  # the command may redirect standard error while libraries load
    before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    watch = threading.Thread(target=_watch, args=(reader, errors, command, seconds), daemon=True)
    watch.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        writer.close()


def _watch(reader: socket.socket, errors: int, command: str, seconds: float) -> None:
    while received := reader.recv(1):  # nothing is received when the command has ended
        if received[0] == signal.SIGINT:
            time.sleep(seconds)
            message = (
                f"{command}: stopped by Ctrl-C. The command did not end in time and was ended; "
                "training resumes from its last backup.\n"
            )
            os.write(errors, message.encode())
            os._exit(_STATUS)
    os.close(errors)
