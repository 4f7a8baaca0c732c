"""Students that inherit filters of their teacher, and students that cannot."""

import keras
import numpy as np
import pytest

from dfad_tf import models
from dfad_tf.students.inheritance import inherit_weights
from tests.conftest import same, small_classifier, weights

IMAGES = np.random.default_rng(0).normal(size=(300, 8, 8, 1)).astype("float32")


def predictions(model):
    return model.predict(IMAGES, verbose=0)


def test_a_student_as_wide_as_its_teacher_has_the_same_outputs():
    teacher, student = small_classifier(), small_classifier()
    assert not np.allclose(predictions(teacher), predictions(student), atol=0.1)
    assert inherit_weights(teacher, student, IMAGES)
    np.testing.assert_allclose(predictions(student), predictions(teacher), atol=1e-3)


def test_preprocessing_may_differ():
    core, student = small_classifier(), small_classifier()
    teacher = keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.Rescaling(3.0, 2.0), *core.layers]
    )
    assert inherit_weights(teacher, student, IMAGES)
    np.testing.assert_allclose(predictions(student), predictions(teacher), atol=1e-2)


def test_redundant_filters_can_be_removed_without_loss():
    """The second half of the teacher's filters repeats the first."""
    teacher, student = small_classifier(filters=8), small_classifier(filters=4)
    convolution = teacher.layers[0]
    kernel, bias = convolution.get_weights()
    kernel[..., 4:] = 2 * kernel[..., :4]
    convolution.set_weights([kernel, bias])
    before = weights(teacher)
    assert inherit_weights(teacher, student, IMAGES)
    np.testing.assert_allclose(predictions(student), predictions(teacher), atol=1e-3)
    assert same(before, weights(teacher))


def test_half_a_lenet_is_closer_to_its_teacher_than_at_random():
    keras.utils.set_random_seed(2)
    teacher = models.build("lenet5", (32, 32, 1), 10)
    student = models.build("lenet5_half", (32, 32, 1), 10)
    images = np.random.default_rng(1).normal(size=(400, 32, 32, 1)).astype("float32")
    gap = np.abs(teacher.predict(images, verbose=0) - student.predict(images, verbose=0)).mean()
    assert inherit_weights(teacher, student, images)
    after = np.abs(teacher.predict(images, verbose=0) - student.predict(images, verbose=0)).mean()
    assert after < gap / 2


@pytest.mark.parametrize(
    "student",
    [
        small_classifier(filters=5),  # wider
        small_classifier(batch_norm=True),
        keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(3)]),
        models.build("compact_4", (8, 8, 1), 3),
    ],
    ids=["wider", "batch norm", "shallower", "residual"],
)
def test_a_student_that_does_not_pair_is_unchanged(student):
    before = weights(student)
    assert not inherit_weights(small_classifier(filters=4), student, IMAGES)
    assert same(before, weights(student))


def test_images_are_drawn_once_whatever_is_tried():
    """A chain with batch norm is tried by filters first, and inherits by channels."""
    teacher, student = (small_classifier(batch_norm=True) for _ in range(2))
    drawn = []
    assert inherit_weights(teacher, student, lambda: drawn.append(1) or IMAGES)
    assert len(drawn) == 1
