"""Versions of everything that a result depends on."""

from __future__ import annotations

import importlib.metadata
import pathlib
import platform
import subprocess


def versions() -> dict[str, str]:
    """Return the versions of Python, the machine and the packages that a result depends on.

    Returns:
        Versions by name. `commit` is included only where the package runs from a Git checkout.
    """
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
    """Return the model name of the processor, of which `platform` knows only the architecture."""
    try:
        text = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    models = [line.split(":", 1)[1].strip() for line in text.splitlines() if "model name" in line]
    return models[0] if models else platform.machine()
