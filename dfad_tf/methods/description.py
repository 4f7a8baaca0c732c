"""What a method learns from, in one sentence, and what could tie it to the teacher's data."""

from __future__ import annotations

from dfad_tf.methods.method import Method
from dfad_tf.synthesis.objectives import BatchNormStatistics, TargetLabels


def describe_images(method: Method, normalizations: int) -> str:
    """Return where the student's images come from, and what ties them to the teacher's data.

    Args:
        method: The method.
        normalizations: Number of the teacher's batch normalizations that the method can read.

    Example:

    >>> describe_images(methods.get("dfad"), normalizations=0)
    'fresh generated images'
    """
    total = 1000
    parts = method.batch_parts(total)
    names = {
        "fresh generated images": parts.fresh,
        "stored generated images": parts.stored,
        "procedural images": parts.procedural,
    }
    used = [(name, count) for name, count in names.items() if count]
    sources = " and ".join(
        name if count == total else f"{100 * count / total:.0f} % {name}" for name, count in used
    )
    ties = []
    kinds = {type(term) for term in method.generator_objectives}
    if BatchNormStatistics in kinds:
        ties.append(
            f"the statistics of {normalizations} batch normalizations of the teacher"
            if normalizations
            else "no statistics, because no batch normalization of the teacher can be read"
        )
    if TargetLabels in kinds:
        ties.append("classes that are drawn evenly")
    return sources + (f", tied to {' and '.join(ties)}" if ties else "")


def missing_ties(method: Method, has_statistics: bool) -> list[str]:
    """Return settings that would bring the images closer to the teacher's data.

    Args:
        method: The method.
        has_statistics: Whether the teacher has batch normalizations that can be read.

    Returns:
        Names and values of settings that the method does not have.

    Example:

    >>> missing_ties(methods.get("dfad"), has_statistics=False)
    ['`label_weight=1`', '`procedural_share=0.5`']
    """
    used = {type(term) for term in method.generator_objectives if term.weight}
    missing = []
    if has_statistics and BatchNormStatistics not in used:
        missing.append("`batch_norm_weight=3`")
    if TargetLabels not in used:
        missing.append("`label_weight=1`")
    if not method.procedural_share:
        missing.append("`procedural_share=0.5`")
    return missing
