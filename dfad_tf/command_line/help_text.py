"""What `--help` and `--list` print."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Sequence
from types import ModuleType

from absl import flags

from dfad_tf.command_line.flag_groups import GROUPS, defined_in
from dfad_tf.command_line.recipes import recipe_names
from dfad_tf.methods import method_names

HELP_FLAGS = ("help", "helpshort", "helpfull", "h", "?")
_WIDTH = 100
_DATASETS = ("digits", "mnist", "cifar10", "cifar100", "fashion_mnist", "svhn_cropped")


def asks_for(names: Sequence[str], arguments: Sequence[str]) -> bool:
    """Return whether one of some switches is among the arguments of a command."""
    return any(argument in {f"-{n}", f"--{n}"} for n in names for argument in arguments[1:])


def command_name(command: ModuleType) -> str:
    """Return the name of a command's module, also where it runs as a program."""
    spec = command.__spec__
    name = spec.name if command.__name__ == "__main__" and spec else command.__name__
    return str(name).rpartition(".")[2]


def help_text(command: ModuleType) -> str:
    """Describe a command and its flags, group by group.

    A flag's default is that of the recipes which the command reads: the flags have been parsed.

    Args:
        command: The command's module. Flags that it defines itself form a group of their own, and
            those in its `HIDDEN_FLAGS`, which it does not use, are left out.
    """
    lines = [f"Usage: python -m dfad_tf.{command_name(command)} [--flag=value ...]", ""]
    about = inspect.cleandoc(command.__doc__ or "")
    lines += [re.sub(r": `python -m [^`]*`", "", about), ""]
    hidden = getattr(command, "HIDDEN_FLAGS", ())
    key = {
        flag.name: flag
        for flag in flags.FLAGS.get_key_flags_for_module(command.__name__)
        if flag.name not in hidden
    }
    groups = {title: defined_in(modules) for title, modules in GROUPS.items()}
    grouped = {flag.name for found in groups.values() for flag in found}
    own = [flag for name, flag in key.items() if name not in grouped]
    for title, found in {"This command": own, **groups}.items():
        shown = sorted((f for f in found if f.name in key), key=lambda flag: flag.name)
        if shown:
            lines += [f"{title}:", *(_entry(flag) for flag in shown), ""]
    lines.append("--list prints the data sets, networks, methods and recipes.")
    return "\n".join(lines)


def list_text() -> str:
    """List the names that flags take: data sets, networks, methods and recipes."""
    from dfad_tf import models
    from dfad_tf.methods import METHODS
    from dfad_tf.synthesis import generators

    names = {
        "Data sets": [*_DATASETS, "and any name of TensorFlow Datasets (image and label)"],
        "Networks (--teacher_model, --student)": [*sorted(models.CLASSIFIERS), "compact"],
        "Generators (--generator)": sorted(generators.GENERATORS),
        "Methods without data (--method)": list(METHODS),
        "Methods with data (--method)": list(method_names.WITH_DATA),
        "Recipes (--flagfile=NAME.flags)": recipe_names(),
    }
    lines = []
    for title, found in names.items():
        lines += [f"{title}:", *textwrap.wrap(", ".join(found), _WIDTH - 4, **_INDENT), ""]  # type: ignore[arg-type]
    return "\n".join(lines[:-1])


_INDENT = {"initial_indent": "  ", "subsequent_indent": "  ", "break_on_hyphens": False}


def _entry(flag: flags.Flag) -> str:
    value = flag.value
    if isinstance(value, list):
        value = ",".join(map(str, value))
    shown = "" if value in (None, "") else f" [{str(value).lower() if flag.boolean else value}]"
    choices = getattr(flag.parser, "enum_values", None)
    choices = f" <{'|'.join(choices)}>" if choices else ""
    head = f"  --{'[no]' if flag.boolean else ''}{flag.name}{shown}{choices}"
    body = textwrap.fill(
        re.sub(r"^<[^>]*>: ", "", " ".join(flag.help.split())),
        _WIDTH,
        initial_indent="      ",
        subsequent_indent="      ",
        break_on_hyphens=False,
    )
    return f"{head}\n{body}"
