"""Run commands in the process of the tests, as a shell would run them."""

import contextlib
import logging
import sys
import warnings

from absl import flags

from dfad_tf import train
from dfad_tf.command_line import application
from dfad_tf.command_line import arguments as command_arguments

FLAGS = flags.FLAGS


def parse(*arguments, recipe=True):
    """Parse a command line and do nothing else.

    Args:
        *arguments: The arguments without the command.
        recipe: Whether the recipes of `dfad_tf.train` are read first; no student is exported then,
            unless the arguments say so, because an export takes seconds.
    """
    command_arguments.reset()
    export = ["--export=none"] if recipe else []
    given = ["command", *export, *map(str, arguments)]
    command_arguments.parse(given, recipe)
    return FLAGS


def run(*arguments, main=train.main):
    """Run a command; an `InputError` passes through, and the library's messages are not printed."""
    parse(*arguments, recipe=main is train.main)
    main([])


def run_as_command(monkeypatch, module, *arguments):
    """Run a command with the parsing, the messages and the errors of its command line.

    Args:
        monkeypatch: The fixture of pytest.
        module: The command's module.
        *arguments: The arguments without the command.

    Returns:
        The exit status.
    """
    name = module.__name__.rsplit(".", 1)[-1]
    given = [f"{name}.py", *map(str, arguments)]
    monkeypatch.setattr(sys, "argv", given)
    command_arguments.reset()
    recipes = name in ("train", "benchmark")
    try:
        with _messages_restored():
            application._guarded(module.main)(application._parse(given, module, recipes))
    except SystemExit as end:
        return end.code
    return 0


@contextlib.contextmanager
def _messages_restored():
    """Undo at the end what a command changes about loggers and warnings."""
    names = ("dfad_tf", "tensorflow", "absl")
    loggers = [logging.getLogger(name) for name in names]
    before = [(each.level, each.propagate, each.handlers[:]) for each in loggers]
    show = warnings.showwarning
    try:
        yield
    finally:
        warnings.showwarning = show
        for logger, (level, propagate, handlers) in zip(loggers, before, strict=True):
            logger.setLevel(level)
            logger.propagate, logger.handlers[:] = propagate, handlers
