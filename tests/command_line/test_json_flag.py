"""`--json`: a file or standard output, checked before the measurement and written after it."""

import json

import pytest

from dfad_tf.command_line import json_flag
from dfad_tf.utils.errors import InputError
from tests.helpers.command import parse


def set_json(value=None):
    parse(*([] if value is None else [f"--json={value}"]), recipe=False)


def test_without_the_flag_nothing_is_written(capsys):
    set_json()
    json_flag.check()
    assert json_flag.write_result({"a": 1}) is False
    assert capsys.readouterr().out == ""


def test_a_dash_prints_the_result(capsys):
    set_json("-")
    json_flag.check()
    assert json_flag.write_result({"a": [1, None]}) is True
    output = capsys.readouterr().out
    assert json.loads(output) == {"a": [1, None]} and output.count("\n") == 1


def test_a_file_is_written_and_nothing_printed(tmp_path, capsys):
    (tmp_path / "result.json").write_text("of an earlier run, and longer than the next")
    set_json(tmp_path / "result.json")
    json_flag.check()
    assert json_flag.write_result({"name": "ü"}) is False
    assert json.loads((tmp_path / "result.json").read_text(encoding="utf-8")) == {"name": "ü"}
    assert capsys.readouterr().out == ""


def test_a_file_name_without_a_folder_is_in_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    set_json("result.json")
    json_flag.check()
    json_flag.write_result({})
    assert (tmp_path / "result.json").exists()


@pytest.mark.parametrize("name", ["missing/result.json", "", "."])
def test_a_file_that_cannot_be_written_is_rejected(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    set_json(name)
    with pytest.raises(InputError, match=f"--json.*Received: '{name}'"):
        json_flag.check()
