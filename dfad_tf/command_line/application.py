"""What every command shares: parsing, help, one-line errors, and quiet libraries.

This module imports neither Keras nor TensorFlow, so that a mistake on the command line is
reported at once.
"""

from __future__ import annotations

import functools
import importlib
import logging
import os
import pathlib
import platform
import signal
import sys
import warnings
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import NoReturn

from absl import app, flags
from absl import logging as absl_logging

from dfad_tf.command_line import arguments as command_arguments
from dfad_tf.command_line import help_text
from dfad_tf.command_line.argument_flags import with_flags
from dfad_tf.command_line.interrupts import leave_in_time
from dfad_tf.utils.errors import InputError
from dfad_tf.utils.native_messages import no_native_messages


def run(main: Callable[[list[str]], None], recipes: bool = True, children: bool = False) -> None:
    """Run a command: parse its flags, call `main`, and report mistakes in one line.

    Args:
        main: Called with the arguments that are no flags.
        recipes: Whether a command with the flags of training reads recipes before its own flags.
        children: Whether the command starts other commands: it then leaves them memory on a GPU,
            and stops them when it is stopped itself.
    """
    if children:
        os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
        signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    # Set before TensorFlow is imported, which reads them then.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if platform.machine() in ("x86_64", "AMD64"):
        # TensorFlow does so itself on processors with VNNI only; others are up to 2.7 times faster.
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    parser = functools.partial(_parse, command=sys.modules[main.__module__], recipes=recipes)
    try:
        with leave_in_time(_command_name()):
            app.run(_guarded(main), flags_parser=parser)
    except BrokenPipeError:  # the reader of the output has ended, as in `… --help | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except KeyboardInterrupt as error:
        print(f"{_command_name()}: {str(error) or 'stopped by Ctrl-C'}", file=sys.stderr)
        sys.exit(128 + signal.SIGINT)


def fail(message: str) -> NoReturn:
    """Print one line to standard error and exit with status 2."""
    print(f"{_command_name()}: error: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(2)


def check_backend() -> None:
    """Check, before Keras is imported, that it will use the TensorFlow backend.

    Raises:
        InputError: If `KERAS_BACKEND` names another backend.
    """
    backend = os.environ.get("KERAS_BACKEND") or "tensorflow"
    if backend != "tensorflow":
        raise InputError(
            "Expected the environment variable KERAS_BACKEND to be 'tensorflow' or unset. "
            f"Received: {backend!r}"
        )
    # The variable overrides a backend that ~/.keras/keras.json names.
    os.environ["KERAS_BACKEND"] = backend


def import_tensorflow() -> None:
    """Import TensorFlow and Keras without the messages that they print while they load."""
    with no_native_messages():
        importlib.import_module("tensorflow")
        importlib.import_module("keras")
    absl_logging.set_verbosity(absl_logging.ERROR)  # Keras and data sets log their progress there
    # TensorFlow reports functions that are traced again; a run traces each a known few times.
    logging.getLogger("tensorflow").addFilter(
        lambda record: "tf.function retracing" not in record.getMessage()
    )


def show_library_messages() -> None:
    """Print what the library logs: progress to standard output, warnings to standard error."""
    logger = logging.getLogger("dfad_tf")
    if not any(isinstance(handler, _Printer) for handler in logger.handlers):
        logger.addHandler(_Printer())
    logger.setLevel(logging.INFO)
    logger.propagate = False
    warnings.showwarning = lambda message, *_, **__: print(f"warning: {message}", file=sys.stderr)


class _Printer(logging.Handler):
    """Prints messages as plain lines, wherever standard output points at that moment."""

    def emit(self, record: logging.LogRecord) -> None:
        stream = sys.stderr if record.levelno >= logging.WARNING else sys.stdout
        prefix = "warning: " if record.levelno >= logging.WARNING else ""
        print(f"{prefix}{with_flags(record.getMessage())}", file=stream, flush=True)


def _command_name() -> str:
    return pathlib.Path(sys.argv[0]).stem


def _parse(given: Sequence[str], command: ModuleType, recipes: bool = True) -> list[str]:
    asks_for_help = help_text.asks_for(help_text.HELP_FLAGS, given)
    # A comparison reads the recipe for each run; its help shows the values all the same.
    trains = {"dataset", "teacher", "method"} <= set(flags.FLAGS) and (recipes or asks_for_help)
    switches = {f"{dashes}{n}" for n in (*help_text.HELP_FLAGS, "list") for dashes in ("-", "--")}
    try:
        rest = command_arguments.parse(
            [a for a in given if a not in switches], trains, help_text.command_name(command)
        )
    except (flags.Error, InputError) as error:
        fail(with_flags(str(error)))
    if asks_for_help:
        print(help_text.help_text(command))
        sys.exit(0)
    if help_text.asks_for(("list",), given):
        check_backend()
        import_tensorflow()
        print(help_text.list_text())
        sys.exit(0)
    return rest


def _guarded(main: Callable[[list[str]], None]) -> Callable[[list[str]], None]:
    def guarded(rest: list[str]) -> None:
        try:
            if len(rest) > 1:
                raise InputError(f"Expected flags only. Received: {' '.join(rest[1:])!r}")
            check_backend()
            import_tensorflow()
            show_library_messages()
            main(rest)
        except InputError as error:
            fail(with_flags(str(error)))
        except BrokenPipeError:
            raise  # handled where the command started
        except (OSError, UnicodeEncodeError) as error:  # a full disk, a name too long or not UTF-8
            fail(f"the system reported an error: {error}")

    return guarded
