"""The trust report as text."""

from __future__ import annotations

from typing import Any


def trust_lines(trust: dict[str, Any] | None) -> list[str]:
    """Format the entry `trust` of `result.json`.

    Args:
        trust: What `TrustReport.as_record` returned; None without a report.

    Returns:
        Lines of text; none without a report.
    """
    if trust is None:
        return []
    lines = ["", f"Trust: {trust['verdict']}", *(f"  - {reason}" for reason in trust["reasons"])]
    head = f"  {'images':<10} {'number':>6}  {'classes':>7}  {'agreement':>9}  {'by class':>8}"
    lines += ["", f"{head}  {'divergence':>10}  {'distance':>8}"]
    for name, each in trust["probes"].items():
        distance = "-" if each["distance"] is None else f"{each['distance']:.2f}"
        lines.append(
            f"  {name:<10} {each['images']:>6}  {each['classes_reached']:>7}  "
            f"{100 * each['agreement']:>7.1f} %  {100 * each['balanced_agreement']:>6.1f} %  "
            f"{each['divergence']:>10.2f}  {distance:>8}"
        )
    return [*lines, "  by class: mean over the teacher's classes; distance: from its statistics"]
