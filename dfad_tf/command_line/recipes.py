"""The recipes in `flags/`: flag files that a command reads before its own arguments."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

from dfad_tf.command_line.data_flags import DEFAULT_DATASET
from dfad_tf.methods import method_names

OWN_TEACHER_RECIPE = "own_teacher"
_OTHER_DATASET_RECIPE = "other_dataset"
_SUFFIX = ".flags"


def recipe_path(name: str) -> pathlib.Path | None:
    """Return the flag file of a recipe, in a checkout or in an installed package.

    Args:
        name: The file's name, with or without `.flags`.

    Returns:
        Its path, or None if there is no such recipe.
    """
    for folder in _folders():
        path = folder / f"{name.removesuffix(_SUFFIX)}{_SUFFIX}"
        if path.is_file():
            return path
    return None


def recipe_names() -> list[str]:
    """Return the names of all recipes."""
    return sorted({path.stem for folder in _folders() for path in folder.glob(f"*{_SUFFIX}")})


def recipe_files(dataset: str | None, teacher: str | None, method: str) -> list[pathlib.Path]:
    """Return the recipes of a training command, in the order in which they are read.

    A user's own teacher has one recipe, a data set its own, and a data set without a recipe the
    general one. A method's recipe follows, and then the one that it has for own teachers or for
    the data set.

    Args:
        dataset: Value of `--dataset`; None where it is not set.
        teacher: Value of `--teacher`; None or empty where it is not set.
        method: Value of `--method`.
    """
    name = OWN_TEACHER_RECIPE if teacher else dataset or DEFAULT_DATASET
    method = method_names.canonical(method).removesuffix(method_names.MEMORY)
    paths = [
        # A method with data trains the student as the data set's own teacher is trained, also
        # where the user supplies the teacher.
        recipe_path(dataset) if dataset and method in method_names.WITH_DATA else None,
        recipe_path(name) or recipe_path(_OTHER_DATASET_RECIPE),
        recipe_path(f"method_{method}"),
        recipe_path(f"method_{method}_{OWN_TEACHER_RECIPE}") if teacher else None,
        recipe_path(f"method_{method}_{dataset or DEFAULT_DATASET}"),
    ]
    return [path for path in dict.fromkeys(paths) if path]


def _folders() -> Iterator[pathlib.Path]:
    """The folders of recipes: in the wheel beside the package's modules, and in a checkout."""
    package = pathlib.Path(__file__).parent.parent
    for folder in (package / "flags", package.parent / "flags"):
        if folder.is_dir():
            yield folder
