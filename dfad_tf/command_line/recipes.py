"""Find the recipes that a command line asks for."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence

from absl import flags

from dfad_tf.methods import method_names

OWN_TEACHER_RECIPE = "own_teacher"


_OTHER_DATASET_RECIPE = "other_dataset"


def recipe_path(name: str) -> pathlib.Path | None:
    """Return the flag file of a recipe, in a checkout or in an installed package.

    Args:
        name: The file's name without `.flags`.

    Returns:
        Its path, or None if there is no such recipe.
    """
    package = pathlib.Path(__file__).parent.parent
    for folder in (package / "flags", package.parent / "flags"):
        path = folder / f"{name}.flags"
        if path.is_file():
            return path
    return None


def with_recipe(arguments: Sequence[str]) -> list[str]:
    """Put the recipe that the arguments ask for in front of them, so that they win.

    `--teacher=PATH` takes the recipe for a user's own teacher, `--dataset=NAME`
    the data set's, and a data set without a recipe the general one. A `--method=NAME`
    that has one takes its own behind it, and then its own for the data set.

    Args:
        arguments: `sys.argv`.

    Returns:
        The arguments with one `--flagfile` for each of them.
    """
    given = flags.FLAGS.read_flags_from_files(list(arguments[1:]), force_gnu=False)
    named = _last_value(given, "dataset")
    dataset = named or "digits"
    name = OWN_TEACHER_RECIPE if _last_value(given, "teacher") else dataset
    method = method_names.canonical(_last_value(given, "method") or "")
    method = method.removesuffix(method_names.MEMORY)
    paths = [
        # With data a student is trained as the data set's own teacher, also by a user's.
        recipe_path(dataset) if named and method in method_names.WITH_DATA else None,
        recipe_path(name) or recipe_path(_OTHER_DATASET_RECIPE),
        recipe_path(f"method_{method}"),
        recipe_path(f"method_{method}_{dataset}"),
    ]
    recipes = [f"--flagfile={path}" for path in dict.fromkeys(paths) if path]
    return [arguments[0], *recipes, *arguments[1:]]


def _last_value(arguments: Sequence[str], name: str) -> str | None:
    found = None
    for index, argument in enumerate(arguments):
        for dashes in ("--", "-"):
            if argument.startswith(f"{dashes}{name}="):
                found = argument.split("=", 1)[1]
            elif argument == f"{dashes}{name}" and index + 1 < len(arguments):
                found = arguments[index + 1]
    return found
