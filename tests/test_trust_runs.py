"""The fit of the trust report's estimate to finished runs."""

import re

import numpy as np
import pytest

from benchmarks import trust_runs
from dfad_tf.trust.estimate import log_odds, share


def row(dataset, feature, error=0.0):
    """A run whose log-odds of agreement are 0.5 + 1.5 times those on all probe sets."""
    row = {
        "dataset": dataset,
        "teacher": dataset,
        "student": "half",
        "estimated": "True",
        "run": "r",
    }
    row.update({f"{name}_balanced_agreement": str(share(feature)) for name in trust_runs.SETS})
    row |= {"generated_class_entropy": "0.79" if feature < -1 else "0.8"}
    row |= {"generated_distance": "0.21" if feature > 1.9 else ""}
    truth = share(0.5 + 1.5 * feature + error)
    return {**row, "true_agreement": str(truth), "val_agreement": str(1 - truth)}


def rows(errors):
    features = np.linspace(-1.5, 2.0, len(errors))
    return [
        row("abcd"[place % 4], feature, error)
        for place, (feature, error) in enumerate(zip(features, errors, strict=True))
    ]


def test_the_constants_are_recovered_and_data_sets_count_alike():
    assert trust_runs.fitted(rows([0.0] * 16)) == pytest.approx([0.5, 1.5], abs=1e-6)
    # Twenty more runs of one data set, all of them 1 higher, shift the intercept by its share.
    more = [*rows([0.0] * 16), *(row("a", 0.3, 1.0) for _ in range(400))]
    assert trust_runs.fitted(more)[0] < 0.9


def test_a_data_set_is_estimated_without_its_own_runs():
    errors = np.random.default_rng(0).normal(0, 0.3, 40)
    before = trust_runs.left_out(rows(errors), "dataset")
    changed = [
        {**each, "true_agreement": "0.02"} if each["dataset"] == "b" else each
        for each in rows(errors)
    ]
    after = trust_runs.left_out(changed, "dataset")
    of_b = np.array([each["dataset"] == "b" for each in changed])
    np.testing.assert_array_equal(before["expected"][of_b], after["expected"][of_b])
    assert (before["expected"][~of_b] != after["expected"][~of_b]).all()
    truth = np.array([float(each["true_agreement"]) for each in rows(errors)])
    inside = (before["low"] <= truth) & (truth <= before["high"])
    assert inside.mean() > 0.75
    assert (before["low"] < before["expected"]).all()


def test_an_architecture_is_that_of_the_teachers_file():
    named = ("mnist_residual_a.keras", "digits_residual_c.keras", "digits_lenet5_a95a.keras", "x")
    found = [trust_runs.architecture({"teacher": name}) for name in named]
    assert found == ["residual", "residual", "lenet5", "x"]


def test_the_report_names_what_was_left_out(tmp_path):
    table = rows(np.random.default_rng(1).normal(0, 0.2, 24))
    table.append({**row("a", 0.0), "estimated": "False", "run": "few classes"})
    text = trust_runs.report(table)
    assert "24 runs, 4 data sets, 4 pairs" in text
    assert "no estimate for 1 runs: few classes" in text
    assert "architecture left out: rank correlation" in text
    # The features of the 24 runs lie evenly between -1.5 and 2: four below -1, one above 1.9.
    counts = re.findall(r"early look finds the images of (\d+) of (\d+)", text)
    assert [sum(map(int, column)) for column in zip(*counts, strict=True)] == [5, 24]
    assert "rank correlation of val_agreement: -1.00" in text
    found = re.search(r"dataset left out: rank correlation (\d.\d\d)", text)
    assert float(found[1]) > 0.9
    combinations = re.findall(r"from (.+): mean error", text)
    assert len(set(combinations)) == 31 and "drawn + corrupted" in combinations
    assert "WEIGHTS = (0." in text and "doubtful, data set left out: " in text
    trust_runs.draw(table, str(tmp_path / "picture.png"))
    assert (tmp_path / "picture.png").stat().st_size > 10_000
    assert log_odds(share(0.7)) == pytest.approx(0.7)


def test_the_best_combination_of_sets_comes_first():
    table = rows(np.random.default_rng(2).normal(0, 0.2, 24))
    for place, each in enumerate(table):  # these sets say nothing
        for name in set(trust_runs.SETS) - {"matched"}:
            each[f"{name}_balanced_agreement"] = str(0.4 + 0.2 * (place % 2))
    text = trust_runs.report(table)
    assert re.findall(r"from (.+): mean error", text)[0] == "matched"
