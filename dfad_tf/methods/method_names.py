"""Names of all methods, for those who must not import TensorFlow to know them."""

from __future__ import annotations

MEMORY = "+memory"
WITH_DATA = ("labels", "kd", "fitnet", "at", "ft")


def canonical(name: str) -> str:
    """Write a method's name as the tables have it: dashes and capitals do not matter."""
    return name.lower().replace("-", "_")
