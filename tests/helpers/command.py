"""Run commands inside the tests' process, as their command line would."""

import sys

from absl import flags

from dfad_tf import train
from dfad_tf.command_line import application
from dfad_tf.command_line import arguments as command_arguments

FLAGS = flags.FLAGS


def parse(*arguments, recipe=True):
    """Parse a command line, with the recipe that `dfad_tf.train` would add, and nothing else."""
    command_arguments.reset()
    # An export takes seconds; the tests that want one say so.
    export = ["--export=none"] if recipe else []
    given = ["command", *export, *map(str, arguments)]
    command_arguments.parse(given, recipe)
    return FLAGS


def run(*arguments, main=train.main):
    """Run a command; an `InputError` passes through."""
    parse(*arguments, recipe=main is train.main)
    main([])


def run_as_command(monkeypatch, module, *arguments):
    """Run a command with all that stands around its `main`; return its exit status.

    Args:
        monkeypatch: Pytest's.
        module: The command's module.
        *arguments: Its command line.
    """
    name = module.__name__.rsplit(".", 1)[-1]
    given = [f"{name}.py", *map(str, arguments)]
    monkeypatch.setattr(sys, "argv", given)
    command_arguments.reset()
    recipes = name in ("train", "benchmark")
    try:
        application._guarded(module.main)(application._parse(given, module, recipes))
    except SystemExit as end:
        return end.code
    return 0
