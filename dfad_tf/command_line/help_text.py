"""What `--help` and `--list` print."""

from __future__ import annotations

import inspect
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


def help_text(command: ModuleType) -> str:
    """Describe a command and its flags, group by group.

    A flag's default is that of the recipes which the command reads: the flags have been parsed.

    Args:
        command: The command's module. Flags that it defines itself form a group of their own.
    """
    name = command.__name__.rpartition(".")[2]
    if name == "__main__":
        name = str(command.__spec__.name).rpartition(".")[2] if command.__spec__ else "command"
    lines = [f"Usage: python -m dfad_tf.{name} [--flag=value ...]", ""]
    lines += [inspect.cleandoc(command.__doc__ or ""), ""]
    own = flags.FLAGS.flags_by_module_dict().get(command.__name__, [])
    key = {flag.name for flag in flags.FLAGS.get_key_flags_for_module(command.__name__)}
    groups = {title: defined_in(modules) for title, modules in GROUPS.items()}
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
    head = f"  --{'[no]' if flag.boolean else ''}{flag.name}{shown}"
    body = textwrap.fill(
        " ".join(flag.help.split()),
        _WIDTH,
        initial_indent="      ",
        subsequent_indent="      ",
        break_on_hyphens=False,
    )
    return f"{head}\n{body}"
