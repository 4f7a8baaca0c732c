"""Hide the messages that C++ libraries print for their own developers."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def no_native_messages() -> Iterator[None]:
    """Silence the standard error of the process while libraries are loaded or models converted.

    The C++ code prints these messages before it reads any log level, so only redirecting the
    file descriptor hides them. Python errors are still raised as exceptions.
    """
    sys.stderr.flush()
    original = os.dup(2)
    try:
        with open(os.devnull, "w", encoding="utf-8") as null:
            os.dup2(null.fileno(), 2)
            yield
    finally:
        sys.stderr.flush()
        os.dup2(original, 2)
        os.close(original)
