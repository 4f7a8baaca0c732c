"""Choose a compact student for a teacher."""

from __future__ import annotations

import keras

from dfad_tf import models
from dfad_tf.graphs.multiply_adds import multiply_adds
from dfad_tf.graphs.parameters import trainable_parameters
from dfad_tf.utils.errors import InputError

_WIDTHS = (32, 16, 8, 4)


def compact_name(teacher: keras.Model) -> str:
    """Return the name of the largest compact student that is cheaper than the teacher.

    It has at most a third of the teacher's parameters, if one of the compact students has so few,
    and never more multiply-adds than the teacher, where those can be counted: the operations of a
    SavedModel cannot.

    Args:
        teacher: A classifier with an input `(height, width, channels)` or `(features,)`.

    Returns:
        A name of `CLASSIFIERS`.

    Raises:
        InputError: If even the smallest student costs more than the teacher.

    Example:

    >>> compact_name(models.build("resnet56", (32, 32, 3), 10))
    'compact_16'
    """
    shape, classes = tuple(teacher.input_shape[1:]), int(teacher.output_shape[-1])
    if len(shape) == 1:
        return "mlp"
    parameters, most = trainable_parameters(teacher), multiply_adds(teacher)
    found = {}
    for width in _WIDTHS:
        student = models.build(f"compact_{width}", shape, classes)
        found[width] = multiply_adds(student)
        if 0 < most < found[width]:
            continue
        if trainable_parameters(student) * 3 <= parameters or width == _WIDTHS[-1]:
            return f"compact_{width}"
    raise InputError(
        "Expected a teacher with more multiply-adds than the smallest compact student, "
        f"{found[_WIDTHS[-1]]:,} for each image; name a smaller `student`. Received: {most:,}"
    )
