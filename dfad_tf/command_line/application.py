"""What every command shares: recipes, one-line errors, and no chatter of TensorFlow.

This module imports neither Keras nor TensorFlow, so that a mistake on the
command line is answered at once.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import os
import pathlib
import signal
import sys
from collections.abc import Callable, Iterator, Sequence

from absl import app, flags
from absl.testing import flagsaver

from dfad_tf.command_line.recipes import with_recipe
from dfad_tf.utils.errors import InputError
from dfad_tf.utils.native_messages import no_native_messages


def run(main: Callable[[list[str]], None], recipes: bool = True, children: bool = False) -> None:
    """Run a command: parse flags, call `main`, and turn mistakes into one line.

    Args:
        main: Called with the arguments that are no flags.
        recipes: Whether a command with the flags of training puts recipes in front of them.
        children: Whether the command runs others, which it then leaves memory on a GPU, and
            stops when it is stopped itself.
    """
    if children:
        os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
        signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    _show_flags_of(main.__module__)
    # Before TensorFlow is imported; its own log level then holds.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        app.run(_guarded(main), flags_parser=functools.partial(_parse, recipes=recipes))
    except KeyboardInterrupt as error:
        fail(str(error) or "stopped by Ctrl-C")


def _show_flags_of(module: str) -> None:
    """Let --helpshort show a command's flags where an installed script stands for its module."""
    if module == "__main__":
        return  # absl finds them by itself
    script = sys.modules["__main__"]
    script.__doc__ = sys.modules[module].__doc__
    for flag in flags.FLAGS.get_key_flags_for_module(module):
        flags.FLAGS.register_key_flag_for_module(sys.argv[0], flag)


def fail(message: str) -> None:
    """Print one line to standard error and exit with status 2."""
    command = pathlib.Path(sys.argv[0]).stem
    print(f"{command}: error: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(2)


def check_backend() -> None:
    """Check, before Keras is imported, that it will run on TensorFlow.

    Raises:
        InputError: If `KERAS_BACKEND` names another backend.
    """
    backend = os.environ.get("KERAS_BACKEND") or "tensorflow"
    if backend != "tensorflow":
        raise InputError(
            "Expected the environment variable KERAS_BACKEND to be 'tensorflow' or unset. "
            f"Received: {backend!r}"
        )
    # A backend named in ~/.keras/keras.json gives way to the variable.
    os.environ["KERAS_BACKEND"] = backend


def import_tensorflow() -> None:
    """Import TensorFlow without the notes that its libraries print while they load."""
    with no_native_messages():
        importlib.import_module("tensorflow")
        importlib.import_module("keras")


def flags_text(modules: Sequence[str], skip: Sequence[str] = ()) -> str:
    """Write the values of all flags that the given modules define, as a flag file.

    Args:
        modules: Names of modules.
        skip: Flags to leave out.

    Returns:
        One `--name=value` a line, sorted.
    """
    by_module = flags.FLAGS.flags_by_module_dict()
    lines = [
        flag.serialize()
        for module in modules
        for flag in by_module.get(module, [])
        if flag.name not in skip and flag.value is not None
    ]
    return "\n".join(sorted(lines)) + "\n"


@contextlib.contextmanager
def parsed(arguments: Sequence[str]) -> Iterator[None]:
    """Have the flags of another command line, recipes included, for a while.

    Args:
        arguments: The flags as a user would give them, without the command.

    Raises:
        InputError: If a flag is unknown or a value wrong.
    """
    saved = flagsaver.save_flag_values()
    try:
        for name in flags.FLAGS:
            if name != "flagfile":
                flags.FLAGS[name].unparse()
        flags.FLAGS.unparse_flags()
        try:
            flags.FLAGS(with_recipe(["command", *arguments]))
        except flags.Error as error:
            raise InputError(str(error)) from error
        yield
    finally:
        flagsaver.restore_flag_values(saved)


def _parse(arguments: Sequence[str], recipes: bool = True) -> list[str]:
    try:
        if recipes and "dataset" in flags.FLAGS and "method" in flags.FLAGS:
            arguments = with_recipe(arguments)
        return flags.FLAGS(list(arguments))
    except flags.Error as error:
        fail(str(error))
        raise


def _guarded(main: Callable[[list[str]], None]) -> Callable[[list[str]], None]:
    def guarded(arguments: list[str]) -> None:
        try:
            if len(arguments) > 1:
                raise InputError(f"Expected flags only. Received: {' '.join(arguments[1:])!r}")
            check_backend()
            import_tensorflow()
            main(arguments)
        except InputError as error:
            fail(str(error))
        except (OSError, UnicodeEncodeError) as error:  # a full disk, a name too long or not UTF-8
            fail(f"the system refused: {error}")

    return guarded
