"""The versions that are saved beside every result."""

import importlib.metadata
import pathlib
import platform

import keras
import pytest

from dfad_tf.utils import versions


def test_versions_of_python_and_packages():
    found = versions.versions()
    assert found["keras"] == keras.__version__
    assert found["python"] == platform.python_version()
    assert found["processor"]
    assert all(isinstance(value, str) for value in found.values())


def test_a_missing_package_is_reported_as_such(monkeypatch):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    assert versions.versions()["ai-edge-litert"] == "not installed"


@pytest.mark.parametrize("checkout", [True, False])
def test_the_commit_is_included_only_in_a_checkout(monkeypatch, tmp_path, checkout):
    module = tmp_path / "dfad_tf" / "utils" / "versions.py"
    monkeypatch.setattr(versions, "__file__", str(module))
    if checkout:
        (tmp_path / ".git").mkdir()
    found = versions.versions()
    assert ("commit" in found) == checkout
    if checkout:
        assert found["commit"] == "unknown"  # Git does not accept an empty `.git`.


def test_the_processor_has_its_model_name(monkeypatch):
    text = "processor : 0\nmodel name\t: Fast CPU @ 3 GHz\nmodel name\t: Fast CPU @ 3 GHz\n"
    monkeypatch.setattr(pathlib.Path, "read_text", lambda self, **_: text)
    assert versions.versions()["processor"] == "Fast CPU @ 3 GHz"
