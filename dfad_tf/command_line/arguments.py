"""Parse a command line: recipes first, old spellings translated, then the user's own flags."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence

from absl import flags
from absl.testing import flagsaver

from dfad_tf.command_line.recipes import recipe_files, recipe_path
from dfad_tf.utils.errors import InputError

FLAGS = flags.FLAGS
# Flags of 0.5.0 under their old names, for one release.
RENAMED = {"most_restores": "max_restores"}
RENAMED_IN = {"to_tflite": {"precision": "formats"}}


def parse(arguments: Sequence[str], recipes: bool) -> list[str]:
    """Parse a command line into absl's flags.

    Args:
        arguments: `sys.argv`.
        recipes: Whether the recipes that the flags ask for are read before them.

    Returns:
        The command and the arguments that are no flags.

    Raises:
        absl.flags.Error: If a flag is unknown or a value is invalid.
        InputError: If a flag has an empty value.
    """
    given = expanded(arguments)
    _check_empty(given)
    return list(FLAGS(with_recipes(given) if recipes else given))


def with_recipes(arguments: Sequence[str]) -> list[str]:
    """Insert the recipes of a training command in front of its arguments, which override them.

    Args:
        arguments: The command and its arguments.

    Returns:
        The arguments with one `--flagfile` for each recipe.
    """
    reset()
    FLAGS(list(arguments))
    paths = recipe_files(FLAGS.dataset, FLAGS.teacher, FLAGS.method)
    reset()
    return [arguments[0], *(f"--flagfile={path}" for path in paths), *arguments[1:]]


def expanded(arguments: Sequence[str]) -> list[str]:
    """Replace flag files by their flags, and old flag names by new ones.

    A flag file is found by its path or, in a checkout and in an installed package, by the bare
    name of a recipe.

    Args:
        arguments: The command and its arguments.

    Raises:
        InputError: If a flag file cannot be read.
    """
    command = os.path.basename(arguments[0]).removesuffix(".py").removeprefix("dfad-")
    located = [_located(argument) for argument in arguments[1:]]
    try:
        read = FLAGS.read_flags_from_files(located, force_gnu=False)
    except flags.CantOpenFlagFileError as error:
        raise InputError(
            "Expected --flagfile to be a file of flags, or the name of a recipe (--list prints "
            f"them). {str(error).removeprefix('ERROR:: ')}"
        ) from error
    return [arguments[0], *renamed(read, command.replace("-", "_"))]


def renamed(arguments: Sequence[str], command: str = "") -> list[str]:
    """Translate the flags of 0.5.0 into today's.

    Args:
        arguments: Arguments without the command.
        command: Name of the command, whose own flags may have been renamed too.
    """
    table = {**RENAMED, **RENAMED_IN.get(command, {})}
    found = []
    for argument in arguments:
        name, equals, value = argument.lstrip("-").partition("=")
        dashes = argument[: len(argument) - len(argument.lstrip("-"))]
        if dashes in ("-", "--") and name in table:
            argument = f"--{table[name]}{equals}{value}"
            print(f"--{name} is now called --{table[name]}.", file=sys.stderr)
        found.append(argument)
    return found


def reset() -> None:
    """Put all flags back to their defaults."""
    for name in FLAGS:
        if name != "flagfile":
            FLAGS[name].unparse()
    FLAGS.unparse_flags()


@contextlib.contextmanager
def parsed(arguments: Sequence[str]) -> Iterator[None]:
    """Use the flags of another training command, recipes included, for a while.

    Args:
        arguments: The flags as a user would give them, without the command.

    Raises:
        InputError: If a flag is unknown or a value is invalid.
    """
    saved = flagsaver.save_flag_values()
    try:
        reset()
        try:
            parse(["command", *arguments], recipes=True)
        except flags.Error as error:
            raise InputError(str(error)) from error
        yield
    finally:
        flagsaver.restore_flag_values(saved)


def flags_text(names: Sequence[flags.Flag], skip: Sequence[str] = ()) -> str:
    """Write the values of flags as a flag file.

    Args:
        names: The flags.
        skip: Names of flags to leave out.

    Returns:
        One `--name=value` per line, sorted.
    """
    lines = [flag.serialize() for flag in names if flag.name not in skip and flag.value is not None]
    return "\n".join(sorted(lines)) + "\n"


def _located(argument: str) -> str:
    name, _, value = argument.partition("=")
    if name.lstrip("-") == "flagfile" and value and not os.path.exists(value):
        path = recipe_path(os.path.basename(value)) if os.path.basename(value) == value else None
        if path is not None:
            return f"--flagfile={path}"
    return argument


def _check_empty(arguments: Sequence[str]) -> None:
    """Reject an empty value, such as that of an unset shell variable in `--teacher=$FILE`."""
    for argument in arguments[1:]:
        name, equals, value = argument.partition("=")
        if equals and not value and name.lstrip("-") in ("dataset", "teacher", "student", "model"):
            raise InputError(f"Expected {name} to have a value. Received an empty one.")
