"""Networks whose shapes do not match are rejected before anything is trained."""

import pytest

from dfad_tf.distillation.compatibility import check_fit
from dfad_tf.utils.errors import InputError
from tests.conftest import small_classifier, small_generator


def test_matching_networks_are_accepted():
    check_fit(small_classifier(softmax=True), small_classifier(), small_generator())


@pytest.mark.parametrize(
    ("student", "generator", "message"),
    [
        (
            lambda: small_classifier((9, 9, 1)),
            small_generator,
            r"`student` to have the teacher's input shape, \(8, 8, 1\). Received: \(9, 9, 1\)",
        ),
        (
            lambda: small_classifier(classes=4),
            small_generator,
            r"`student` to have the teacher's output shape, \(3,\). Received: \(4,\)",
        ),
        (
            lambda: small_classifier(softmax=True),
            small_generator,
            "`student` to return logits.*ends in a softmax",
        ),
        (
            small_classifier,
            lambda: small_generator((9, 9, 1)),
            r"`generator` to have .* teacher's input, \(8, 8, 1\). Received: \(9, 9, 1\)",
        ),
    ],
)
def test_a_network_of_another_shape_is_rejected(student, generator, message):
    with pytest.raises(InputError, match=message):
        check_fit(small_classifier(), student(), generator())
