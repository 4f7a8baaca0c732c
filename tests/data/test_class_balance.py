"""Candidates are chosen evenly over the classes, and the evenness is measured."""

import numpy as np
import pytest

from dfad_tf.data.class_balance import balanced, normalized_entropy
from dfad_tf.utils.errors import InputError


def counts_of(labels, count, num_classes, seed=0):
    chosen = balanced(labels, count, num_classes, seed)
    assert chosen.shape == (count,) and chosen.dtype == np.int64
    assert len(set(chosen.tolist())) == count, "a candidate was chosen twice"
    return np.bincount(labels[chosen], minlength=num_classes).tolist()


@pytest.mark.parametrize(
    "available, count, expected",
    [
        ([50, 50, 50], 30, [10, 10, 10]),
        ([50, 4, 50], 30, [13, 4, 13]),  # a rare class gives all it has
        ([3, 9, 100], 52, [3, 9, 40]),  # and so does the next
        ([50, 0, 50], 20, [10, 0, 10]),  # a class without candidates
        ([5, 6, 7], 18, [5, 6, 7]),  # all candidates
        ([5, 6, 7], 0, [0, 0, 0]),
        ([9], 4, [4]),
    ],
)
def test_classes_get_equal_shares_of_what_they_have(available, count, expected):
    labels = np.random.default_rng(3).permutation(np.repeat(np.arange(len(available)), available))
    assert counts_of(labels, count, len(available)) == expected


def test_a_remainder_is_spread_over_different_classes():
    labels = np.repeat(np.arange(4), 10)
    counts = counts_of(labels, 10, 4)
    assert sorted(counts) == [2, 2, 3, 3]
    others = {tuple(counts_of(labels, 10, 4, seed)) for seed in range(20)}
    assert len(others) > 1, "the same classes always get more"


def test_the_choice_depends_on_the_seed_alone_and_is_in_ascending_order():
    labels = np.random.default_rng(0).integers(0, 5, 300)
    first, again, other = (balanced(labels, 50, 5, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert (np.diff(first) > 0).all()


def test_every_candidate_of_a_class_can_be_chosen():
    labels = np.repeat(np.arange(2), 6)
    chosen = np.concatenate([balanced(labels, 4, 2, seed) for seed in range(60)])
    assert set(chosen.tolist()) == set(range(12))


@pytest.mark.parametrize("count", [-1, 4])
def test_a_count_beyond_the_candidates_is_an_error(count):
    with pytest.raises(InputError, match=f"`count`.*3.*Received: {count}"):
        balanced(np.array([0, 1, 1]), count, 2)


@pytest.mark.parametrize(
    "labels, received",
    [
        (np.array([0, 2]), "0 to 2"),
        (np.array([-1, 0]), "-1 to 0"),
        (np.array([0.0, 1.0]), "float64"),
        (np.array([[0, 1]]), r"\(1, 2\)"),
    ],
)
def test_labels_that_are_no_classes_are_an_error(labels, received):
    for function in (lambda: balanced(labels, 1, 2), lambda: normalized_entropy(labels, 2)):
        with pytest.raises(InputError, match=f"`labels`.*Received: .*{received}"):
            function()


def test_the_entropy_is_normalized():
    assert normalized_entropy(np.zeros(9, int), 3) == 0
    assert normalized_entropy(np.repeat(np.arange(7), 11), 7) == pytest.approx(1)
    assert normalized_entropy(np.array([0, 1, 0, 1]), 4) == pytest.approx(0.5)
    # 0.5 ln 2 + 0.5 ln 4, divided by ln 3
    assert normalized_entropy(np.array([0, 0, 1, 2]), 3) == pytest.approx(0.946395, abs=1e-6)


def test_entropy_needs_labels_and_classes():
    with pytest.raises(InputError, match="`labels`"):
        normalized_entropy(np.zeros(0, int), 3)
    with pytest.raises(InputError, match="`num_classes`.*Received: 1"):
        normalized_entropy(np.zeros(4, int), 1)
    with pytest.raises(InputError, match="`num_classes`.*Received: 0"):
        balanced(np.zeros(0, int), 0, 0)
