"""A few real images give the exact agreement within a binomial interval."""

import keras
import numpy as np
import pytest
from PIL import Image
from scipy.stats import binomtest

from dfad_tf.data.pixel_contract import PixelContract
from dfad_tf.trust.probe_folder import binomial_interval, load_probe_images, real_agreement
from dfad_tf.utils.errors import InputError
from tests.conftest import small_classifier


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (10, 10), (47, 50), (130, 200)])
def test_the_interval_is_that_of_clopper_and_pearson(successes, trials):
    expected = binomtest(successes, trials).proportion_ci(0.95, "exact")
    assert binomial_interval(successes, trials) == pytest.approx(tuple(expected), abs=1e-9)


def test_images_of_any_size_are_read_and_compared(tmp_path):
    random = np.random.default_rng(0)
    for index in range(6):
        pixels = random.integers(0, 256, (16 + index, 16, 3), dtype=np.uint8)
        (tmp_path / str(index % 2)).mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / str(index % 2) / f"{index}.png")
    pixels = load_probe_images(str(tmp_path), (8, 8, 1))
    assert pixels.shape == (6, 8, 8, 1) and pixels.dtype == np.uint8
    teacher = small_classifier()
    same = real_agreement(teacher, teacher, pixels, PixelContract("zero_one"))
    assert (same.images, same.same, same.agreement, same.high) == (6, 6, 1.0, 1.0)
    assert same.low == pytest.approx(0.5407, abs=1e-4)
    student = keras.models.clone_model(teacher)
    weights = teacher.get_weights()
    student.set_weights([*weights[:-2], -weights[-2], -weights[-1]])
    none = real_agreement(teacher, student, pixels, PixelContract("zero_one"))
    assert none.same == 0 and none.low == 0.0


def test_a_folder_without_images_is_named(tmp_path):
    with pytest.raises(InputError, match="contains none"):
        load_probe_images(str(tmp_path), (8, 8, 1))
