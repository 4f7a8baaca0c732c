"""Compare methods on one teacher, over several seeds: `python -m dfad_tf.compare`.

The flags of `dfad_tf.train` apply to every run. The same command continues an interrupted
comparison, and further methods or seeds may be added to it. The table on the screen has the
requested methods and seeds; the files `table.md`, `table.json`, `table.csv` and `table.png` in
--workdir have every finished run of the folder.
"""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Any

from absl import flags

from dfad_tf.command_line import all_training_flags, application, compare_flags, comparison_builder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dfad_tf.experiments.comparison_runs import Run

FLAGS = flags.FLAGS
for module in (*all_training_flags.MODULES, compare_flags):
    flags.adopt_module_key_flags(module)  # --help shows the flags of a command's own modules
HIDDEN_FLAGS = compare_flags.SET_BY_COMPARISON

_TITLE = "Methods on one teacher"


def main(arguments: list[str]) -> None:
    """Flags → the missing runs → tables and a plot."""
    del arguments
    compared = comparison_builder.comparison_from_flags()
    from dfad_tf.experiments.comparison_runs import Run

    # Seed by seed, so that an interrupted comparison has results of every method.
    wanted = [Run(method, seed) for seed in range(FLAGS.seeds) for method in compared.methods]
    compared.prepare(wanted)
    try:
        compared.runs.complete(wanted)
    finally:
        _report(compared, wanted)
    compared.runs.check_failures()


def _report(compared: comparison_builder.Comparison, wanted: Sequence[Run]) -> None:
    """Print the requested rows, and write those of every run in the folder to files."""
    from dfad_tf.experiments import comparison_plot, comparison_table
    from dfad_tf.experiments.comparison import ROWS

    command = f"python -m dfad_tf.compare {shlex.join(sys.argv[1:])}"
    everything = _rows(compared, [*wanted, *compared.runs.recorded(ROWS)], ROWS)
    if not any("accuracy" in row for row in everything):
        return
    comparison_table.write_table(everything, compared.folder, _TITLE, command)
    comparison_plot.draw_table(everything, compared.folder / "table.png")
    requested = _rows(compared, wanted, compared.methods)
    print(comparison_table.table_text(requested, _TITLE, command))
    print(
        f"Saved to {compared.folder}: table.md, table.json, table.csv and table.png with every "
        "finished run of the folder; runs/"
    )


def _rows(
    compared: comparison_builder.Comparison, runs: Sequence[Run], methods: Sequence[str]
) -> list[dict[str, Any]]:
    from dfad_tf.experiments import comparison

    results, failures = compared.runs.results(runs), compared.runs.failures_of(runs)
    return comparison.rows(results, methods, failures)


def run() -> None:
    """Entry point of the command `dfad-compare`."""
    application.run(main, recipes=False, children=True)


if __name__ == "__main__":
    run()
