"""Compare methods on one teacher, over seeds: `python -m dfad_tf.compare`.

Takes the flags of `dfad_tf.train`, which hold for every run. Stopped in the middle, the
same command goes on where it was.
"""

from __future__ import annotations

import shlex
import sys
from typing import Any

from absl import flags

from dfad_tf.command_line import application, compare_flags, data_flags, precision_flag, train_flags
from dfad_tf.utils.errors import InputError

FLAGS = flags.FLAGS
for module in (compare_flags, data_flags, precision_flag, train_flags):
    flags.adopt_module_key_flags(module)  # so that --helpshort shows them


def main(arguments: list[str]) -> None:
    """Flags → the runs that are missing → table, picture."""
    del arguments
    shared = compare_flags.shared_arguments()
    from dfad_tf.experiments import comparison, comparison_pictures, comparison_runs

    methods = compare_flags.check_methods(comparison.ROWS)
    folder = compare_flags.comparison_folder(shared)
    check_methods_fit(methods, shared)
    runs = comparison_runs.ComparisonRuns(folder, shared, FLAGS.jobs)
    # Seed by seed, so that a comparison that is stopped has something of every method.
    wanted = [comparison_runs.Run(m, seed) for seed in range(FLAGS.seeds) for m in methods]
    if runs.missing(wanted):
        make_teacher(shared)
    compare_flags.begin(folder, shared)
    try:
        runs.complete(wanted)
    finally:
        table = _table(runs)
        if any("accuracy" in row for row in table):
            title = "Methods on one teacher"
            command = f"python -m dfad_tf.compare {shlex.join(sys.argv[1:])}"
            comparison.write_table(table, folder, title, command)
            comparison_pictures.draw_table(table, folder / "table.png")
            print(comparison.table_text(table, title, command))
            print(f"Everything lies in {folder}: table.md, table.json, table.csv, table.png, runs/")
    runs.check_failures()


def _table(runs: Any) -> list[dict[str, Any]]:
    """All that lies in the folder, also of methods and seeds that were not asked for now."""
    from dfad_tf.experiments import comparison, comparison_runs

    found, failures = {}, {}
    for method in comparison.ROWS:
        seed = 0
        while seed < FLAGS.seeds or (runs.folder / comparison.run_name(method, seed)).exists():
            run = comparison_runs.Run(method, seed)
            result = runs.result(run)
            if result:
                found[method, seed] = result
            if run.name in runs.failures:
                failures[method] = runs.failures[run.name]
            seed += 1
    return comparison.rows(found, failures=failures)


def check_methods_fit(methods: tuple[str, ...], shared: list[str]) -> None:
    """Check every method's flags and networks, before hours are spent on the first.

    Args:
        methods: The methods.
        shared: Flags that all runs share.

    Raises:
        InputError: If a flag, a network or a layer is wrong.
    """
    from dfad_tf.command_line import flag_checks

    for method in methods:
        with application.parsed([*shared, f"--method={method}"]):
            try:
                flag_checks.check_names()
                flag_checks.check_method_fits()
            except InputError as error:
                raise InputError(f"The method {method} (in --methods): {error}") from error


def make_teacher(shared: list[str]) -> None:
    """Train a missing teacher once, before runs that would each train it."""
    from dfad_tf.command_line import builders

    with application.parsed(shared):
        if not FLAGS.teacher:
            builders.teacher_from_flags(builders.dataset_from_flags(), 2)


def run() -> None:
    """Entry point of the command `dfad-compare`."""
    application.run(main, recipes=False, children=True)


if __name__ == "__main__":
    run()
