"""All flags of a training run: importing this module defines them."""

from dfad_tf.command_line import (
    data_flags,
    method_flags,
    run_flags,
    student_flags,
    teacher_flags,
    training_flags,
    trust_flags,
)

MODULES = (
    data_flags, teacher_flags, student_flags, method_flags, training_flags, trust_flags, run_flags,
)  # fmt: skip
