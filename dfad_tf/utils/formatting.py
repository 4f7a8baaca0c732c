"""Format numbers for messages and tables."""

from __future__ import annotations


def format_macs(count: int) -> str:
    """Format a number of multiply-adds with a unit.

    Args:
        count: The number, at least 0.

    Returns:
        The number in thousands, millions or billions: `133.7 k`, `40.6 M`, `1.16 G`.

    Example:

    >>> format_macs(133_740)
    '133.7 k'
    """
    for unit, size in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if count >= size:
            return f"{count / size:.{2 if unit == 'G' else 1}f} {unit}"
    return str(count)


def format_seconds(seconds: float) -> str:
    """Format a duration in its two largest units.

    Args:
        seconds: The duration, at least 0.

    Returns:
        The duration, rounded to seconds, or to minutes above an hour: `45 s`, `3 min 20 s`,
        `2 h 5 min`.

    Example:

    >>> format_seconds(200)
    '3 min 20 s'
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def format_bytes(count: int) -> str:
    """Format a size: `25 kB`, `1.1 MB`, `3.2 GB`."""
    for unit, size in (("GB", 10**9), ("MB", 10**6)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count / 1000:.0f} kB"
