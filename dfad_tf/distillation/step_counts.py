"""How many images pass each network in a train step, and what they cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dfad_tf.methods.method import Method


@dataclass(frozen=True)
class StepCounts:
    """Images and passes of a train step; the generator's own step is not included.

    Attributes:
        student_steps: Student steps in a train step.
        student_images: Images that the student is trained on in each of them.
        generation_passes: Times that images for the student are generated and shown to the
            teacher.
        generated_images: Images generated and shown to the teacher in each of these passes.
        teacher_images: Further images that the teacher is queried with in each student step,
            such as virtual ones.
    """

    student_steps: int
    student_images: int
    generation_passes: int
    generated_images: int
    teacher_images: int


def step_counts(method: Method, batch_size: int) -> StepCounts:
    """Count the images of a train step.

    Args:
        method: The method.
        batch_size: Images in a batch.

    Example:

    >>> step_counts(methods.get("dfad"), 64).generated_images
    64
    """
    student_images, teacher_images = batch_size, 0
    if method.interpolation:
        virtual = method.interpolation.count(batch_size)
        student_images += virtual if method.interpolation.mode == "join" else 0
        teacher_images = virtual if method.interpolation.labels == "teacher" else 0
    # The memory stores no feature maps, and no answers to altered images.
    parts = method.batch_parts(batch_size)
    teacher_images += parts.procedural
    if method.feature_loss or method.redraws:
        teacher_images += parts.stored
    generated = method.images_per_step(batch_size) - batch_size
    passes = 1 if method.image_source == "same_latents" else method.student_steps
    return StepCounts(
        student_steps=method.student_steps,
        student_images=student_images,
        generation_passes=passes if generated else 0,
        generated_images=generated // passes,
        teacher_images=teacher_images,
    )


def step_cost(method: Method, forward: Mapping[str, float], batch_size: int) -> float:
    """Add up the passes of a train step, a backward pass as two forward ones.

    Args:
        method: The method.
        forward: Cost of one image's forward pass through the `"teacher"`, the `"student"` and the
            `"generator"`, in any unit: multiply-adds or seconds.
        batch_size: Images in a batch.

    Returns:
        The cost of all student steps and the generator's step or round, in the same unit.
        Operations that are not carried out are not counted: gradients of the teacher's weights,
        gradients of the student's weights in the generator's step, and images that a memory saves.

    Example:

    >>> multiply_adds = {"teacher": 400_000, "student": 100_000, "generator": 1_000_000}
    >>> step_cost(methods.get("dfad"), multiply_adds, batch_size=256)
    3200000000
    """
    teacher, student, generator = (forward[role] for role in ("teacher", "student", "generator"))
    counts = step_counts(method, batch_size)
    generated = method.images_per_step(batch_size) - batch_size
    student_steps = counts.student_steps * (
        counts.student_images * 3 * student + counts.teacher_images * teacher
    )
    adversarial = any(term.needs_student for term in method.generator_objectives)
    searched = method.inversion.steps if method.inversion else 1
    generator_step = (
        searched * batch_size * (3 * generator + 2 * teacher + 2 * student * adversarial)
    )
    return student_steps + generated * (generator + teacher) + generator_step
