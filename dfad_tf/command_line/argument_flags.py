"""Name flags where a library error names arguments."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

from absl import flags

from dfad_tf.utils.errors import InputError

# Arguments whose flag has another name. An argument that is called like a flag needs no entry.
_FLAGS = {
    "augmentation": "teacher_augmentation",
    "contract": "input_range",
    "every": "backup_every",
    "features": "teacher_features",
    "feature_loss": "feature_weight",
    "input_shape": "image_shape",
    "mode": "interpolation_mode",
    "output_shape": "image_shape",
    "shape": "image_shape",
    "trust": "trust_teacher",
}


@contextlib.contextmanager
def argument_flags(about: str = "", /, **names: str) -> Iterator[None]:
    """Let an `InputError` name flags instead of the arguments that received their values.

    Args:
        about: The flag whose value is read, without dashes. It precedes a message that names no
            flag, such as one about the content of a file.
        **names: The flag of each argument, without dashes, where the general table has none or
            another one.

    Raises:
        InputError: The same error, with flags instead of arguments, or the error of the
            system that prevents reading the file of `about`.

    Example:

    >>> from dfad_tf import load_teacher
    >>> with argument_flags("teacher", path="teacher"):
    ...     teacher = load_teacher("my_model.keras")
    """
    try:
        yield
    except InputError as error:
        message = with_flags(str(error), names)
        raise InputError(
            message if "--" in message or not about else f"--{about}: {message}"
        ) from error
    except OSError as error:  # such as a name that is too long
        if not about:
            raise
        raise InputError(f"--{about}: the system reported an error: {error}") from error


def with_flags(message: str, names: dict[str, str] | None = None) -> str:
    """Replace `` `argument` `` by `--flag` in a message.

    Args:
        message: A message of the library.
        names: Flags by argument, before the general table. An argument in neither that is
            called like a flag becomes that flag; anything else in backticks stays.
    """
    table = {**_FLAGS, **(names or {})}

    def flag(match: re.Match[str]) -> str:
        name = table.get(match[1], match[1])
        return f"--{name}{match[2]}" if name in flags.FLAGS else match[0]

    # An argument may be written with its value: `strategy=tpu`.
    return re.sub(r"`(\w+)((?:=[^`]*)?)`", flag, message)
