"""What one train step of a distillation without data costs."""

from __future__ import annotations

from collections.abc import Mapping

from dfad_tf.methods.method import Method, memory_count


def step_cost(method: Method, forward: Mapping[str, float], batch_size: int) -> float:
    """Add up the passes of a train step, a backward pass as two forward ones.

    Args:
        method: The method.
        forward: Cost of one image's forward pass through the `"teacher"`, the `"student"` and the
            `"generator"`, in any unit: multiply-adds or seconds.
        batch_size: Images in a batch.

    Returns:
        The cost of all student steps and the generator's step, in the same unit. What is not
        computed is not counted: gradients of the teacher's weights, of the student's in the
        generator's step, and what a memory of images saves.

    Example:

    >>> macs = {"teacher": 400_000, "student": 100_000, "generator": 1_000_000}
    >>> cost = step_cost(methods.get("dfad"), macs, batch_size=256)
    """
    teacher, student, generator = (forward[role] for role in ("teacher", "student", "generator"))
    student_images, teacher_images = batch_size, 0
    if method.interpolation:
        virtual = method.interpolation.count(batch_size)
        student_images += virtual if method.interpolation.mode == "join" else 0
        teacher_images = virtual if method.interpolation.labels == "teacher" else 0
    if method.attention and method.memory_size:  # the memory keeps no feature maps
        teacher_images += memory_count(batch_size, method.memory_share)
    fresh = method.images_per_step(batch_size) - batch_size
    cost = method.student_steps * student_images * 3 * student + fresh * (generator + teacher)
    cost += method.student_steps * teacher_images * teacher
    adversarial = any(term.needs_student for term in method.generator_objectives)
    return cost + batch_size * (3 * generator + 2 * teacher + 2 * student * adversarial)
