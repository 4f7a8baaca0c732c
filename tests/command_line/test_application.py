"""Tests of what all commands share."""

import platform

import pytest
from absl import app

from dfad_tf.command_line import application


@pytest.mark.parametrize(
    ("machine", "given", "expected"),
    [("x86_64", None, "1"), ("AMD64", None, "1"), ("x86_64", "0", "0"), ("aarch64", None, None)],
)
def test_commands_use_onednn_where_tensorflow_would_not(monkeypatch, machine, given, expected):
    environment = {} if given is None else {"TF_ENABLE_ONEDNN_OPTS": given}
    monkeypatch.setattr("os.environ", environment)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    seen = []
    monkeypatch.setattr(app, "run", lambda *_, **__: seen.append(dict(environment)))
    application.run(test_commands_use_onednn_where_tensorflow_would_not)
    assert seen[0].get("TF_ENABLE_ONEDNN_OPTS") == expected
