"""Names of methods, without an import of TensorFlow."""

from __future__ import annotations

MEMORY = "+memory"
WITH_DATA = ("labels", "kd", "fitnet", "at", "ft")


def canonical(name: str) -> str:
    """Return the name of a method in lower case, with underscores in place of dashes."""
    return name.lower().replace("-", "_")
