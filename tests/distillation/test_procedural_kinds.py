"""The kinds of procedural images that suit a teacher."""

import numpy as np

from dfad_tf.distillation.procedural_kinds import in_effect, matching_counts, most_even


def test_the_kind_that_is_most_even_is_found():
    labels = [np.array([0, 0, 0, 1]), np.array([0, 1, 2, 1]), np.array([2, 2, 2, 2])]
    assert most_even(labels, 3) == 1


def test_the_kinds_that_together_match_are_drawn():
    """The first kind is far off; the others lie on two sides of what was recorded."""
    random = np.random.default_rng(0)
    values = [random.normal(centre, 0.3, 300) for centre in (4.0, -1.0, 0.5)]
    moments = [np.stack([value, value**2 - 1], 1) for value in values]
    labels = [random.integers(0, 2, 300) for _ in moments]
    counts = matching_counts(3000, moments, labels, 2, 1)
    assert sum(counts) == 3000 and counts[0] < 300
    assert min(counts[1:]) > 900


def test_enough_images_of_each_class_are_in_effect():
    assert in_effect(40_000, 10, 300) == 300 and in_effect(40_000, 100, 300) == 2000
    assert in_effect(10_000, 10, 20) == 200 and in_effect(100, 10, 300) == 25
    assert in_effect(2, 10, 300) == 1
