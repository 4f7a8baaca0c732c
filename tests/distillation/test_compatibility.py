"""Networks whose shapes do not match are refused."""

import pytest

from dfad_tf.distillation.compatibility import check_fit
from dfad_tf.utils.errors import InputError
from tests.conftest import small_classifier, small_generator


def test_matching_networks_pass():
    check_fit(small_classifier(softmax=True), small_classifier(), small_generator())


def test_errors():
    teacher, student, generator = small_classifier(), small_classifier(), small_generator()
    with pytest.raises(InputError, match=r"teacher's input shape, \(8, 8, 1\).*\(9, 9, 1\)"):
        check_fit(teacher, small_classifier((9, 9, 1)), generator)
    with pytest.raises(InputError, match=r"teacher's output shape, \(3,\).*\(4,\)"):
        check_fit(teacher, small_classifier(classes=4), generator)
    with pytest.raises(InputError, match="ends in a softmax"):
        check_fit(teacher, small_classifier(softmax=True), generator)
    with pytest.raises(InputError, match="generator whose output has the shape"):
        check_fit(teacher, student, small_generator((9, 9, 1)))
