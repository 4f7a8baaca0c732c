"""Format numbers for people."""

from __future__ import annotations


def format_macs(count: int) -> str:
    """Format multiply-adds: `133.7 k`, `40.6 M`, `1.16 G`."""
    for unit, size in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if count >= size:
            return f"{count / size:.{2 if unit == 'G' else 1}f} {unit}"
    return str(count)


def format_seconds(seconds: float) -> str:
    """Format a duration for people: `45 s`, `3 min 20 s`, `2 h 5 min`."""
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
