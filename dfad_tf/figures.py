"""Draw the paper's figures from a comparison: `python -m dfad_tf.figures`.

Takes the flags and the --workdir of `dfad_tf.compare`, makes the runs that are missing there,
and draws into `figures/` under it, each picture beside the data that it shows. Of --methods,
figure 2a takes those with data; the other figures have methods of their own.
"""

from __future__ import annotations

import json
import pathlib
from typing import Any

from absl import flags

from dfad_tf import compare
from dfad_tf.command_line import application, compare_flags, data_flags, precision_flag, train_flags
from dfad_tf.methods.method_names import WITH_DATA
from dfad_tf.utils.errors import InputError

FLAGS = flags.FLAGS
for module in (compare_flags, data_flags, precision_flag, train_flags):
    flags.adopt_module_key_flags(module)  # so that --helpshort shows them

_ABOUT = {
    "1": "two moons: boundaries and generated points",
    "2a": "accuracy against the share of labelled images",
    "2b": "accuracy against epochs, seconds and images generated",
    "2c": "the ablation: with and without each addition",
}
flags.DEFINE_list("figures", list(_ABOUT), "Which: 1, 2a, 2b and 2c (which holds the paper's 2d).")


def main(arguments: list[str]) -> None:
    """Flags → the runs that are missing → data → pictures."""
    del arguments
    wanted = _figures()
    shared = compare_flags.shared_arguments()
    from dfad_tf.experiments import comparison, comparison_runs, figure_data
    from dfad_tf.utils import files

    wished = compare_flags.check_methods(comparison.ROWS)
    methods = tuple(name for name in wished if name in WITH_DATA)
    folder = compare_flags.comparison_folder(shared)
    runs = comparison_runs.ComparisonRuns(folder, shared, FLAGS.jobs)
    needed = [r for figure in wanted for r in figure_data.wanted_runs(figure, FLAGS.seeds, methods)]
    compare.check_methods_fit(tuple(dict.fromkeys(run.method for run in needed)), shared)
    if runs.missing(needed):
        compare.make_teacher(shared)
    compare_flags.begin(folder, shared)
    if needed:
        runs.complete(needed)
    place = folder / "figures"
    place.mkdir(exist_ok=True)
    for figure in wanted:
        data = _data(figure, runs, methods)
        if not data:
            print(f"No run of figure {figure} came to its end: it is not drawn.", flush=True)
            continue
        files.write_json(place / f"figure{figure}.json", data)
        _draw(figure, place)
        print(f"{place / f'figure{figure}.png'}: {_ABOUT[figure]}", flush=True)
    runs.check_failures()


def _figures() -> list[str]:
    unknown = [name for name in FLAGS.figures if name not in _ABOUT]
    if unknown or not FLAGS.figures:
        raise InputError(
            f"Expected --figures among {', '.join(_ABOUT)}. Received: "
            f"{', '.join(FLAGS.figures) or 'none'}"
        )
    return [name for name in _ABOUT if name in FLAGS.figures]


def _data(figure: str, runs: Any, methods: tuple[str, ...]) -> dict[str, Any]:
    from dfad_tf.experiments import figure_data

    if figure == "1":
        from dfad_tf.experiments.moons_experiment import moons_experiment

        print("Two moons: a teacher and two students", flush=True)
        return moons_experiment()
    if figure == "2a":
        data = figure_data.amounts_of_data(runs, FLAGS.seeds, methods)
    else:
        names = {"2b": figure_data.CURVES, "2c": figure_data.ABLATION}[figure]
        data = figure_data.learning_curves(runs, FLAGS.seeds, names)
    return data if data["curves"] else {}


def _draw(figure: str, place: pathlib.Path) -> None:
    """Draw from the saved data alone."""
    from dfad_tf.experiments import figure_pictures

    data = json.loads((place / f"figure{figure}.json").read_text(encoding="utf-8"))
    path = place / f"figure{figure}.png"
    if figure == "1":
        figure_pictures.draw_moons(data, path)
    elif figure == "2a":
        figure_pictures.draw_amounts(data, path)
    else:
        places = ("epochs", "seconds", "images") if figure == "2b" else ("images",)
        figure_pictures.draw_curves(data, path, places)


def run() -> None:
    """Entry point of the command `dfad-figures`."""
    application.run(main, recipes=False, children=True)


if __name__ == "__main__":
    run()
