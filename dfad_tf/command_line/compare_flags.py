"""The flags of a comparison, which `compare` and `figures` share."""

from __future__ import annotations

import pathlib
from typing import Any

from absl import flags

from dfad_tf.command_line import data_flags, precision_flag, train_flags
from dfad_tf.utils.errors import InputError

FLAGS = flags.FLAGS

flags.DEFINE_list(
    "methods", None, "Methods to compare, by the names of --method. Default: all of them."
)
flags.DEFINE_integer("seeds", 3, "Seeds of each method, from 0 on.")
flags.DEFINE_integer(
    "jobs",
    1,
    "Runs at a time, among which the processors are dealt out; for small networks on CPUs.",
    lower_bound=1,
)

# What the comparison itself decides for each run.
_OWN = ("method", "seed", "workdir", "export", "verbose", "data_share")
_SETTINGS = "comparison.json"


def shared_arguments() -> list[str]:
    """The flags of `dfad_tf.train` that the user gave, for every run.

    Raises:
        InputError: If one is given that the comparison decides, or there is no data set.
    """
    if FLAGS.teacher and FLAGS.dataset is None:
        raise InputError(
            "Expected --dataset, on whose test images the methods are compared. Received none."
        )
    by_module = FLAGS.flags_by_module_dict()
    modules = (data_flags, precision_flag, train_flags)
    given = [f for m in modules for f in by_module[m.__name__] if f.present]
    for flag in given:
        if flag.name in _OWN and flag.name not in ("workdir", "verbose"):
            raise InputError(
                f"Expected no --{flag.name}, which the comparison sets for each run "
                "(--methods, --seeds); a data set's recipe is read by itself. "
                f"Received: {flag.value}"
            )
    return sorted(flag.serialize() for flag in given if flag.name not in _OWN)


def check_methods(known: tuple[str, ...]) -> tuple[str, ...]:
    """Return the methods wanted, in the order of the table.

    Args:
        known: All methods.

    Raises:
        InputError: If one is unknown or named twice, or there are no seeds.
    """
    from dfad_tf.utils import names

    if FLAGS.seeds < 1:
        raise InputError(f"Expected --seeds to be at least 1. Received: {FLAGS.seeds}")
    if FLAGS.methods is None:
        return known
    table = {name: name for name in known}
    wanted = [names.look_up(table, name, "method in --methods") for name in FLAGS.methods]
    twice = sorted({name for name in wanted if wanted.count(name) > 1})
    if twice or not wanted:
        raise InputError(
            "Expected --methods to name every method once. Received: "
            f"{', '.join(twice) + ' twice' if twice else 'none'}"
        )
    return tuple(name for name in known if name in wanted)


def comparison_folder(arguments: list[str]) -> pathlib.Path:
    """Return the comparison's folder, new or made with the same settings.

    Args:
        arguments: Flags that all runs share.

    Raises:
        InputError: If it was made with other settings, holds something else, or cannot be
            written.
    """
    from dfad_tf.utils import files

    if not FLAGS.workdir:
        raise InputError("Expected --workdir, the folder of the comparison. Received none.")
    folder = pathlib.Path(FLAGS.workdir)
    settings = folder / _SETTINGS
    if settings.exists():
        _check_same(settings, arguments)
    elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(
            "Expected --workdir to be a new or an empty folder, or that of a comparison. Received: "
            f"{folder}, which holds something else"
        )
    files.check_writable(folder, "--workdir")
    return folder


def begin(folder: pathlib.Path, arguments: list[str]) -> None:
    """Create the comparison's folder, and keep its settings in it."""
    from dfad_tf.utils import files, versions

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"Expected --workdir to be writable. {error}") from error
    content: dict[str, Any] = {
        "arguments": arguments,
        "teacher_sha256": _teacher_digest(),
        "versions": versions.versions(),
    }
    if not (folder / _SETTINGS).exists():
        files.write_json(folder / _SETTINGS, content)


def _teacher_digest() -> str | None:
    """What tells a user's teacher from another under the same name; None where there is none."""
    import hashlib

    if not FLAGS.teacher:
        return None
    path, digest = pathlib.Path(FLAGS.teacher), hashlib.sha256()
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file():
            digest.update(file.read_bytes())
    return digest.hexdigest()


def _check_same(settings: pathlib.Path, arguments: list[str]) -> None:
    import json

    try:
        content = json.loads(settings.read_text(encoding="utf-8"))
        before, teacher = content["arguments"], content.get("teacher_sha256")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"Expected {settings} to be that of a comparison. {error}") from error
    if before != arguments:
        other = sorted(set(before) ^ set(arguments))
        raise InputError(
            f"Expected the settings that {settings.parent} was made with: "
            f"{' '.join(before) or 'none'}. Received others: they differ in {' '.join(other)}. "
            "Take another --workdir."
        )
    if teacher != _teacher_digest():
        raise InputError(
            f"Expected the --teacher that {settings.parent} was made with. Received another one "
            f"under the same name: {FLAGS.teacher}. Take another --workdir."
        )
