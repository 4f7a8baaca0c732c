"""Keep back what C++ libraries print for their own developers."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def no_native_messages() -> Iterator[None]:
    """Silence the process's standard error while libraries load or convert.

    Their notes are written by C++ before any log level is read, so only the file
    descriptor can keep them back; Python's own errors still come as exceptions.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "w", encoding="utf-8") as nowhere:
            os.dup2(nowhere.fileno(), 2)
            yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
