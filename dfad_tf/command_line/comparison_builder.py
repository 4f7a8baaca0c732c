"""What `dfad-compare` and `dfad-figures` share: checks, the folder, and its runs."""

from __future__ import annotations

import hashlib
import json
import pathlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from absl import flags

from dfad_tf.command_line import arguments as command_arguments
from dfad_tf.command_line import compare_flags, flag_groups
from dfad_tf.utils.errors import InputError

if TYPE_CHECKING:
    from dfad_tf.experiments.comparison_runs import ComparisonRuns, Run

FLAGS = flags.FLAGS
# Flags of the comparison, or of the whole of it, that its runs do not get.
_NOT_SHARED = (*compare_flags.SET_BY_COMPARISON, "workdir", "verbose", "yes")
_SETTINGS = "comparison.json"


@dataclass(frozen=True)
class Comparison:
    """A comparison as the flags describe it.

    Attributes:
        folder: Its folder.
        arguments: Flags of `dfad_tf.train` that all its runs share.
        methods: The requested methods, in the order of the table.
        runs: The runs in the folder.
    """

    folder: pathlib.Path
    arguments: list[str]
    methods: tuple[str, ...]
    runs: ComparisonRuns

    def prepare(self, runs: Sequence[Run]) -> None:
        """Check the flags and networks of all methods, train a missing teacher, create the folder.

        Args:
            runs: The runs that will be carried out.

        Raises:
            InputError: If a flag, a network or a layer is invalid, or the folder is not writable.
        """
        check_methods_fit(dict.fromkeys(run.method for run in runs), self.arguments)
        if self.runs.missing(runs):
            train_missing_teacher(self.arguments, len(self.runs.missing(runs)))
        create_folder(self.folder, self.arguments)


def comparison_from_flags() -> Comparison:
    """Return the comparison that the flags describe; nothing is written.

    Raises:
        InputError: If a flag is invalid, or the folder belongs to something else.
    """
    arguments = shared_arguments()
    from dfad_tf.experiments import comparison, comparison_runs

    methods = requested_methods(comparison.ROWS)
    folder = comparison_folder(arguments)
    yes = ["--yes"] if FLAGS.yes else []
    runs = comparison_runs.ComparisonRuns(folder, [*arguments, *yes], FLAGS.jobs)
    return Comparison(folder, arguments, methods, runs)


def shared_arguments() -> list[str]:
    """Return the flags of `dfad_tf.train` that were given, which all runs share.

    Raises:
        InputError: If a flag is given that the comparison sets, or there is no data set.
    """
    if FLAGS.teacher and FLAGS.dataset is None:
        raise InputError(
            "Expected --dataset, whose test images measure the methods. Received none."
        )
    given = [flag for flag in flag_groups.defined_in(flag_groups.RUN) if flag.present]
    for flag in given:
        if flag.name in compare_flags.SET_BY_COMPARISON:
            raise InputError(
                f"Expected no --{flag.name}, which the comparison sets for each run (--methods, "
                "--seeds); the recipe of a data set is read automatically. "
                f"Received: {flag.value}"
            )
    return sorted(flag.serialize() for flag in given if flag.name not in _NOT_SHARED)


def requested_methods(known: Sequence[str]) -> tuple[str, ...]:
    """Return the methods of `--methods`, in the order of the table.

    Args:
        known: All methods.

    Raises:
        InputError: If a method is unknown or named twice, or there are no seeds.
    """
    from dfad_tf.utils import names

    if FLAGS.seeds < 1:
        raise InputError(f"Expected --seeds to be at least 1. Received: {FLAGS.seeds}")
    if FLAGS.methods is None:
        return tuple(known)
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
    """Return the comparison's folder, which is new or was created with the same settings.

    Args:
        arguments: Flags that all runs share.

    Raises:
        InputError: If the folder was created with other settings, contains something else, or is
            not writable.
    """
    from dfad_tf.utils import files

    if not FLAGS.workdir:
        raise InputError("Expected --workdir, the folder of the comparison. Received none.")
    folder = pathlib.Path(FLAGS.workdir)
    settings = folder / _SETTINGS
    if settings.exists():
        _check_same_settings(settings, arguments)
    elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(
            "Expected --workdir to be a new or an empty folder, or that of a comparison. Received: "
            f"{folder}, which contains something else"
        )
    files.check_writable(folder, "--workdir")
    return folder


def create_folder(folder: pathlib.Path, arguments: list[str]) -> None:
    """Create the comparison's folder, and record its settings in it.

    Raises:
        InputError: If the folder is not writable.
    """
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


def check_methods_fit(methods: Sequence[str] | dict[str, None], arguments: list[str]) -> None:
    """Check the flags and networks of every method, before the first run takes hours.

    Args:
        methods: Names of the methods.
        arguments: Flags that all runs share.

    Raises:
        InputError: If a flag, a network or a layer is invalid.
    """
    from dfad_tf.command_line import flag_checks

    for method in methods:
        with command_arguments.parsed([*arguments, f"--method={method}"]):
            try:
                flag_checks.check_names()
                flag_checks.check_method_fits()
            except InputError as error:
                raise InputError(f"The method {method} (in --methods): {error}") from error


def train_missing_teacher(arguments: list[str], runs: int) -> None:
    """Train a teacher that is not in the cache, which otherwise each run would do.

    Args:
        arguments: Flags that all runs share.
        runs: Number of runs that follow, for the plan.

    Raises:
        InputError: If all this takes longer than a day on a CPU, and `--yes` is not given.
    """
    from dfad_tf.command_line import planning, teacher_builder

    yes = FLAGS.yes
    with command_arguments.parsed(arguments):
        FLAGS.yes = yes
        dataset = teacher_builder.dataset_from_flags()
        if dataset and teacher_builder.teacher_is_missing(dataset):
            planning.announce_teacher_training(dataset, runs)
            teacher_builder.teacher_from_flags(dataset, 2)


def _teacher_digest() -> str | None:
    """Return a digest of the files of the teacher in `--teacher`; None without that flag."""
    if not FLAGS.teacher:
        return None
    path, digest = pathlib.Path(FLAGS.teacher), hashlib.sha256()
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file():
            digest.update(file.read_bytes())
    return digest.hexdigest()


def _check_same_settings(settings: pathlib.Path, arguments: list[str]) -> None:
    try:
        content = json.loads(settings.read_text(encoding="utf-8"))
        recorded = sorted(command_arguments.renamed(content["arguments"]))
        teacher = content.get("teacher_sha256")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"Expected {settings} to describe a comparison. {error}") from error
    if recorded != arguments:
        different = sorted(set(recorded) ^ set(arguments))
        raise InputError(
            f"Expected the settings of the comparison in {settings.parent}: "
            f"{' '.join(recorded) or 'none'}. Received others, which differ in "
            f"{' '.join(different)}. Choose another --workdir."
        )
    if teacher != _teacher_digest():
        raise InputError(
            f"Expected the --teacher of the comparison in {settings.parent}. Received another file "
            f"of the same name: {FLAGS.teacher}. Choose another --workdir."
        )
