"""Parse a command line: recipes first, old spellings translated, then the user's own flags."""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
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
_NEVER_EMPTY = ("dataset", "teacher", "student", "model")


def parse(arguments: Sequence[str], recipes: bool, command: str = "") -> list[str]:
    """Parse a command line into absl's flags.

    Args:
        arguments: `sys.argv`.
        recipes: Whether the recipes that the flags ask for are read before them.
        command: Name of the command's module, which may have renamed flags of its own.

    Returns:
        The command and the arguments that are no flags.

    Raises:
        absl.flags.Error: If a flag is unknown or a value is invalid.
        InputError: If a flag has an empty value, or a flag file cannot be read.
    """
    given = expanded(arguments, command)
    rest = list(FLAGS(with_recipes(given) if recipes else given))
    for name in _NEVER_EMPTY:
        if name in FLAGS and FLAGS[name].value == "":
            # Such as that of an unset shell variable in `--teacher=$FILE`.
            raise InputError(f"Expected --{name} to have a value. Received an empty one.")
    return rest


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


def expanded(arguments: Sequence[str], command: str = "") -> list[str]:
    """Replace flag files by their flags, and old flag names by new ones.

    A flag file is found by its path or, in a checkout and in an installed package, by the bare
    name of a recipe.

    Args:
        arguments: The command and its arguments.
        command: As for `parse`.

    Raises:
        InputError: If a flag file cannot be read.
    """
    flat = _without_flag_files(arguments[1:], ())
    for name, new in {**RENAMED, **RENAMED_IN.get(command, {})}.items():
        if any(re.fullmatch(rf"--?{name}(=.*)?", argument) for argument in flat):
            print(f"--{name} is an old name of --{new}.", file=sys.stderr)
    return [arguments[0], *renamed(flat, command)]


def renamed(arguments: Sequence[str], command: str = "") -> list[str]:
    """Translate the flags of 0.5.0 into today's.

    Args:
        arguments: Arguments without the command and without flag files.
        command: As for `parse`.
    """
    table = {**RENAMED, **RENAMED_IN.get(command, {})}
    found = []
    for argument in arguments:
        match = re.fullmatch(r"--?(\w+)(=.*)?", argument, re.DOTALL)
        if match and match[1] in table:
            argument = f"--{table[match[1]]}{match[2] or ''}"
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


def _without_flag_files(arguments: Sequence[str], opened: tuple[str, ...]) -> list[str]:
    """Replace each `--flagfile` by the flags in it, and in the files that it names in turn."""
    found: list[str] = []
    waiting = list(arguments)
    while waiting:
        argument = waiting.pop(0)
        if argument == "--":
            return [*found, argument, *waiting]
        name, equals, value = argument.partition("=")
        if name not in ("--flagfile", "-flagfile"):
            found.append(argument)
            continue
        path = _flag_file(value if equals or not waiting else waiting.pop(0))
        if path in opened:
            raise InputError(f"Expected flag files that do not name each other. Received: {path}")
        found += _without_flag_files(_lines(path), (*opened, path))
    return found


def _flag_file(value: str) -> str:
    recipe = recipe_path(value) if os.path.basename(value) == value and value else None
    return value if os.path.exists(value) or recipe is None else str(recipe)


def _lines(path: str) -> list[str]:
    try:
        text = pathlib.Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            "Expected --flagfile to be a file of flags, or the name of a recipe (--list prints "
            f"them). Received: {path!r} ({error})"
        ) from error
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith(("#", "//"))]
