"""Weights under which images have given statistics."""

import numpy as np
import pytest

from dfad_tf.data.matching_weights import matching_weights
from dfad_tf.utils.errors import InputError


def images(count=4000, seed=0):
    """Two statistics of images that are too large and too small, and three uneven classes."""
    random = np.random.default_rng(seed)
    moments = random.normal([0.8, -0.5], 1, (count, 2))
    return moments, random.choice(3, count, p=[0.7, 0.2, 0.1])


def test_the_weighted_statistics_are_met_and_the_classes_are_even():
    moments, labels = images()
    weights = matching_weights(moments, labels, 3, 400)
    assert weights.min() > 0 and weights.sum() == pytest.approx(1)
    assert abs(moments.mean(0)).min() > 0.4
    np.testing.assert_allclose(weights @ moments, 0, atol=0.05)
    np.testing.assert_allclose(np.bincount(labels, weights), 1 / 3, atol=0.02)


def test_the_weights_are_exponentials_of_the_statistics():
    """Of all weights that come as near, those of largest entropy have this form."""
    moments, labels = images()
    logarithms = np.log(matching_weights(moments, labels, 3, 1000))
    columns = np.concatenate([moments, np.eye(3)[labels]], 1)
    _, rest, *_ = np.linalg.lstsq(columns, logarithms, rcond=None)
    assert rest[0] / len(moments) < 1e-6 < np.var(logarithms)


@pytest.mark.parametrize("effective", [20, 400, 2000])
def test_the_number_of_images_in_effect_is_kept(effective):
    random = np.random.default_rng(1)
    moments = random.normal(0.5, 1, (4000, 60))
    weights = matching_weights(moments, random.integers(0, 3, 4000), 3, effective)
    assert effective <= 1 / (weights**2).sum() < 1.2 * effective + 20


def test_fewer_images_in_effect_match_better():
    random = np.random.default_rng(1)
    moments, labels = random.normal(0.5, 1, (4000, 60)), random.integers(0, 3, 4000)
    distances = [
        np.linalg.norm(matching_weights(moments, labels, 3, effective) @ moments)
        for effective in (100, 1000, 3000)
    ]
    assert distances == sorted(distances) and distances[0] < 0.8 * distances[2]


def test_an_image_that_is_far_from_all_others_does_not_decide():
    moments, labels = images(400)
    expected = matching_weights(moments, labels, 3, 100)
    for far in ([1e9, -1e9], [np.nan, np.inf]):
        found = matching_weights(np.concatenate([moments, [far]]), np.append(labels, 0), 3, 100)
        assert np.isfinite(found).all() and found[-1] < found.max()
        np.testing.assert_allclose(found[:-1] @ moments, expected @ moments, atol=0.1)


def test_errors_name_the_argument():
    moments, labels = images(10)
    with pytest.raises(InputError, match=r"`moments` of shape .*\(10, 2\) for 9 labels"):
        matching_weights(moments, labels[:9], 3, 5)
    with pytest.raises(InputError, match="`effective` .* from 1 to the number of images, 10.*11"):
        matching_weights(moments, labels, 3, 11)
