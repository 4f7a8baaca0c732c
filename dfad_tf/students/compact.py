"""Choose a compact student for a teacher."""

from __future__ import annotations

from dfad_tf import models


def compact_name(input_shape: tuple[int, ...], num_classes: int, teacher_parameters: int) -> str:
    """Return the name of the largest compact student within a third of the teacher's parameters.

    Args:
        input_shape: The teacher's `(height, width, channels)`, or `(features,)`.
        num_classes: Number of logits.
        teacher_parameters: Number of parameters of the teacher.

    Returns:
        A name of `CLASSIFIERS`; that of the smallest student if none is small enough.

    Example:

    >>> compact_name((32, 32, 3), 10, 300_000)
    'compact_16'
    """
    if len(input_shape) == 1:
        return "mlp"
    for width in (32, 16, 8):
        student = models.build(f"compact_{width}", input_shape, num_classes)
        if student.count_params() * 3 <= teacher_parameters:
            return f"compact_{width}"
    return "compact_4"
