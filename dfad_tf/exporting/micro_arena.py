"""Find the memory that the interpreter of microcontrollers needs for a LiteRT file.

It runs as a program of its own, because the interpreter may end the process where the memory is too
small: `python micro_arena.py FILE` prints every size that suffices, the smallest one last.
"""

from __future__ import annotations

import importlib.util
import pathlib
import subprocess
import sys
import tempfile

_MOST_BYTES = 2**28  # far more than any microcontroller has
_EXACT_BYTES = 1024  # how exactly the memory is found
_SECONDS = 120.0


def arena_bytes(content: bytes) -> int | None:
    """Return the smallest memory for tensors that suffices, to about a kilobyte.

    Args:
        content: The content of a LiteRT file.

    Returns:
        Bytes; None if the interpreter cannot run the file, or `tflite_micro` is not installed.

    Example:

    >>> import pathlib
    >>> card = export_student(student, "export", contract, "abc", ["float32"])
    >>> content = pathlib.Path("export/student_float32.tflite").read_bytes()
    >>> bytes_of_memory = arena_bytes(content)
    """
    if importlib.util.find_spec("tflite_micro") is None:  # an extra
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "student.tflite"
        path.write_bytes(content)
        command = [sys.executable, __file__, str(path)]
        try:
            ran = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS)
        except (OSError, subprocess.TimeoutExpired):
            return None
    found = ran.stdout.split()
    return int(found[-1]) if found else None


def _print_sizes(path: str) -> None:
    from tflite_micro.python.tflite_micro import runtime

    content = pathlib.Path(path).read_bytes()

    def suffices(size: int) -> bool:
        try:
            runtime.Interpreter.from_bytes(content, arena_size=size)
        except RuntimeError:
            return False
        print(size, flush=True)
        return True

    upper = _MOST_BYTES
    if not suffices(upper):
        return
    while upper > 2 * _EXACT_BYTES and suffices(upper // 2):
        upper //= 2
    lower = upper // 2
    while upper - lower > _EXACT_BYTES:
        middle = (lower + upper) // 2
        lower, upper = (lower, middle) if suffices(middle) else (middle, upper)


if __name__ == "__main__":
    _print_sizes(sys.argv[1])
