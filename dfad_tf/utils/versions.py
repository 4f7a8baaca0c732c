"""The versions that a result depends on."""

from __future__ import annotations

import importlib.metadata
import pathlib
import platform
import subprocess


def versions() -> dict[str, str]:
    """Return what a result depends on: versions, machine, and commit where there is one."""
    found = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": _processor(),
    }
    for package in ("dfad_tf", "tensorflow", "keras", "ai-edge-litert", "numpy"):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    checkout = pathlib.Path(__file__).parent.parent.parent
    if (checkout / ".git").exists():
        command = ["git", "-C", str(checkout), "describe", "--always", "--dirty"]
        described = subprocess.run(command, capture_output=True, text=True, check=False)
        found["commit"] = described.stdout.strip() or "unknown"
    return found


def _processor() -> str:
    """The processor's own name; Python's `platform` knows only its architecture."""
    try:
        text = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    named = [line.split(":", 1)[1].strip() for line in text.splitlines() if "model name" in line]
    return named[0] if named else platform.machine()
