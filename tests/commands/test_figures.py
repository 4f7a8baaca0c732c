"""The command that draws the figures, and its plots."""

import json

import numpy as np
import pytest
from matplotlib import image as reader

from dfad_tf import figures
from dfad_tf.data.moons import two_moons
from dfad_tf.experiments import figure_plots, moons_experiment
from dfad_tf.experiments.comparison_runs import ComparisonRuns
from dfad_tf.utils.errors import InputError
from tests.helpers.command import run
from tests.helpers.made_up_runs import StandIn, write_run

SHARED = ("--dataset=digits", "--teacher_epochs=1")


@pytest.fixture(scope="module")
def moons():
    return moons_experiment.moons_experiment(epochs=(1, 3))


def colored(path):
    picture = reader.imread(path)[..., :3]
    return picture.shape[0] > 200 and picture.std() > 0.05


def test_the_two_moons_are_half_circles():
    points, labels = two_moons(200, noise=0.0)
    assert points.dtype == np.float32 and sorted(set(labels)) == [0, 1]
    upper = points[labels == 0]
    np.testing.assert_allclose(np.hypot(*upper.T), 1, atol=1e-6)
    assert (upper[:, 1] >= -1e-6).all()
    assert not np.array_equal(two_moons(50)[0], two_moons(50, seed=1)[0])


@pytest.mark.slow
def test_the_moons_teacher_and_students_learn(moons):
    assert moons["teacher_accuracy"] > 0.98
    assert set(moons["methods"]) == {"dfad", "proposed"}
    for method in moons["methods"].values():
        assert method["accuracy"] > 0.7
        first, last = map(np.array, method["generated"])
        assert first.shape == (300, 2) and np.abs(first - last).mean() > 0.01
        assert np.shape(method["student"]) == np.shape(moons["teacher"])
    dfad, proposed = (np.array(moons["methods"][m]["generated"]) for m in ("dfad", "proposed"))
    assert np.abs(dfad - proposed).mean() > 0.01


@pytest.mark.slow
def test_the_moons_are_drawn_from_their_json_data(moons, tmp_path):
    figure_plots.draw_moons(json.loads(json.dumps(moons)), tmp_path / "moons.png")
    assert colored(tmp_path / "moons.png")


@pytest.fixture
def comparison(tmp_path, monkeypatch):
    """A comparison's folder in which one run is missing; its teacher is not trained."""
    monkeypatch.setattr(
        "dfad_tf.command_line.comparison_builder.train_missing_teacher", lambda *arguments: None
    )
    stand_in = StandIn(tmp_path, monkeypatch)
    folder = tmp_path / "comparison"
    folder.mkdir()
    content = {"arguments": sorted(SHARED), "teacher_sha256": None}
    (folder / "comparison.json").write_text(json.dumps(content))
    runs = ComparisonRuns(folder, [])
    for figure in ("2a", "2b", "2c"):
        for wanted in figures_runs(figure):
            if not (runs.folder / wanted.name).exists() and wanted.name != "dafl_seed0":
                write_run(runs.folder / wanted.name, [0.5, 0.9 * wanted.data_share**0.1])
    return folder, stand_in


def figures_runs(figure):
    from dfad_tf.experiments import figure_data

    return figure_data.wanted_runs(figure, 1, ("kd",))


def draw(folder, *arguments):
    run(*SHARED, "--seeds=1", f"--workdir={folder}", *arguments, main=figures.main)


def test_missing_runs_are_carried_out_and_every_plot_has_its_data_beside_it(comparison):
    folder, stand_in = comparison
    draw(folder, "--figures=2a,2b,2c", "--methods=kd")
    assert len(stand_in.commands()) == 1  # dafl_seed0
    place = folder / "figures"
    assert sorted(path.name for path in place.iterdir()) == sorted(
        f"figure{name}.{kind}" for name in ("2a", "2b", "2c") for kind in ("json", "png")
    )
    assert all(colored(path) for path in place.glob("*.png"))
    data = json.loads((place / "figure2a.json").read_text())
    assert data["curves"]["kd"]["mean"][-1] == 0.9 and len(data["curves"]["kd"]["mean"]) == 6
    assert set(json.loads((place / "figure2b.json").read_text())["curves"]) == {
        "dafl", "dfad", "proposed",
    }  # fmt: skip


def test_a_failed_run_does_not_prevent_the_figures_of_the_others(comparison):
    folder, stand_in = comparison
    stand_in.failing("dafl")
    with pytest.raises(InputError, match="1 run failed, the first of them dafl_seed0"):
        draw(folder, "--figures=2b")
    assert colored(folder / "figures" / "figure2b.png")


@pytest.mark.parametrize("wrong", ["3", "2a,5", ""])
def test_unknown_figures_are_refused(tmp_path, wrong):
    with pytest.raises(InputError, match="--figures among 1, 2a, 2b, 2c"):
        draw(tmp_path / "new", f"--figures={wrong}")
    assert not (tmp_path / "new").exists()
