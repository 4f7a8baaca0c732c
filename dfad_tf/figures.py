"""Draw the paper's figures from a comparison: `python -m dfad_tf.figures`.

Takes the flags and the --workdir of `dfad_tf.compare`, carries out the runs that are missing
there, and writes every figure to `figures/` in that folder, with its data as JSON. Figure 2a
shows those of --methods that learn from data; the methods of the other figures are fixed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from absl import flags

from dfad_tf.command_line import all_training_flags, application, compare_flags, comparison_builder
from dfad_tf.methods.method_names import WITH_DATA
from dfad_tf.utils.errors import InputError

if TYPE_CHECKING:
    from dfad_tf.experiments.comparison_runs import ComparisonRuns

FLAGS = flags.FLAGS
for module in (*all_training_flags.MODULES, compare_flags):
    flags.adopt_module_key_flags(module)  # --help shows the flags of a command's own modules
HIDDEN_FLAGS = compare_flags.SET_BY_COMPARISON

_ABOUT = {
    "1": "two moons: decision boundaries and generated points",
    "2a": "accuracy against the share of labelled images",
    "2b": "accuracy against epochs, seconds and generated images",
    "2c": "ablation: with and without each addition",
}
flags.DEFINE_list(
    "figures",
    list(_ABOUT),
    "Figures to draw, comma-separated: 1, 2a, 2b and 2c (which contains the paper's 2d).",
)


def main(arguments: list[str]) -> None:
    """Flags → the missing runs → data → figures."""
    del arguments
    wanted = _requested_figures()
    compared = comparison_builder.comparison_from_flags()
    from dfad_tf.experiments import figure_data, figure_plots
    from dfad_tf.utils import files

    methods = tuple(name for name in compared.methods if name in WITH_DATA)
    needed = [r for figure in wanted for r in figure_data.wanted_runs(figure, FLAGS.seeds, methods)]
    compared.prepare(needed)
    if needed:
        compared.runs.complete(needed)
    folder = compared.folder / "figures"
    folder.mkdir(exist_ok=True)
    for figure in wanted:
        data = _data(figure, compared.runs, methods)
        if not data:
            print(f"Figure {figure} is not drawn: none of its runs has finished.", flush=True)
            continue
        # Drawn from the file, which thus contains everything that the figure shows.
        files.write_json(folder / f"figure{figure}.json", data)
        figure_plots.draw_figure(figure, folder)
        print(f"{folder / f'figure{figure}.png'}: {_ABOUT[figure]}", flush=True)
    compared.runs.check_failures()


def _requested_figures() -> list[str]:
    unknown = [name for name in FLAGS.figures if name not in _ABOUT]
    if unknown or not FLAGS.figures:
        raise InputError(
            f"Expected --figures among {', '.join(_ABOUT)}. Received: "
            f"{', '.join(FLAGS.figures) or 'none'}"
        )
    return [name for name in _ABOUT if name in FLAGS.figures]


def _data(figure: str, runs: ComparisonRuns, methods: tuple[str, ...]) -> dict[str, Any]:
    """Return the data of a figure; an empty dictionary if none of its runs has finished."""
    from dfad_tf.experiments import figure_data

    if figure == "1":
        from dfad_tf.experiments.moons_experiment import moons_experiment

        print("Two moons: training a teacher and distilling two students", flush=True)
        return moons_experiment()
    if figure == "2a":
        data = figure_data.amounts_of_data(runs, FLAGS.seeds, methods)
    else:
        names = {"2b": figure_data.CURVES, "2c": figure_data.ABLATION}[figure]
        data = figure_data.learning_curves(runs, FLAGS.seeds, names)
    return data if data["curves"] else {}


def run() -> None:
    """Entry point of the command `dfad-figures`."""
    application.run(main, recipes=False, children=True)


if __name__ == "__main__":
    run()
