"""The data of the figures, checked by hand computation on invented runs."""

import pytest

from dfad_tf.experiments import figure_data
from dfad_tf.experiments.comparison_runs import ComparisonRuns, Run
from tests.helpers.made_up_runs import write_run


@pytest.fixture
def runs(tmp_path):
    made = ComparisonRuns(tmp_path, [])
    for run, epochs, seconds in (
        (Run("dfad", 0), [0.5, 0.9], 10.0),
        (Run("dfad", 1), [0.7, 0.8, 0.85], 30.0),
        (Run("proposed", 0), [None, 0.95], 10.0),
        (Run("proposed", 1), [0.6, 0.97], 10.0),
        (Run("kd", 0, 0.01), [0.3], 1.0),
        (Run("kd", 1, 0.01), [0.5], 1.0),
        (Run("kd", 0), [0.99], 1.0),
    ):
        images = round(60_000 * run.data_share)
        write_run(made.folder / run.name, epochs, distillation_seconds=seconds, real_images=images)
    return made


def test_curves_are_means_over_seeds_at_each_epoch(runs):
    data = figure_data.learning_curves(runs, 2, ("dfad", "proposed", "dafl"))
    assert data["teacher_accuracy"] == 0.99 and set(data["curves"]) == {"dfad", "proposed"}
    dfad = data["curves"]["dfad"]  # its length is that of the shortest seed
    assert dfad["epochs"] == [1, 2] and dfad["images"] == [500.0, 1000.0]
    assert dfad["seconds"] == [10.0, 20.0] and dfad["seeds"] == 2
    assert dfad["mean"] == pytest.approx([0.6, 0.85])
    assert dfad["deviation"] == pytest.approx([0.02**0.5, 0.005**0.5])


def test_epochs_without_a_measurement_of_every_seed_are_omitted(runs):
    curve = figure_data.learning_curves(runs, 2, ("proposed",))["curves"]["proposed"]
    assert curve["epochs"] == [2] and curve["mean"] == pytest.approx([0.96])


def test_one_seed_has_no_standard_deviation(runs):
    curve = figure_data.learning_curves(runs, 1, ("dfad",))["curves"]["dfad"]
    assert curve["deviation"] == [None, None] and curve["mean"] == [0.5, 0.9]


def test_accuracy_against_the_share_of_the_data(runs):
    data = figure_data.amounts_of_data(runs, 2, ("kd", "at"))
    assert set(data["curves"]) == {"kd"}
    kd = data["curves"]["kd"]
    assert kd["shares"] == [0.01, 1.0] and kd["images"] == [600, 60_000]
    assert kd["mean"] == pytest.approx([0.4, 0.99])
    assert kd["deviation"] == [pytest.approx(0.02**0.5), None]
    assert set(data["levels"]) == {"dfad", "proposed"}
    assert data["levels"]["proposed"]["mean"] == pytest.approx(0.96)


def test_each_figure_lists_its_runs():
    assert figure_data.wanted_runs("1", 3, ()) == []
    amounts = figure_data.wanted_runs("2a", 2, ("kd",))
    assert {run.data_share for run in amounts if run.method == "kd"} == set(figure_data.SHARES)
    assert {run.seed for run in amounts} == {0, 1}
    assert {run.method for run in amounts} == {"kd", *figure_data.LEVELS}
    assert Run("dafl", 2) in figure_data.wanted_runs("2b", 3, ())
    ablation = figure_data.wanted_runs("2c", 1, ())
    assert [run.method for run in ablation] == list(figure_data.ABLATION)
