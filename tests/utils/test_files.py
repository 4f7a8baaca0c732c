"""A file or folder is written completely or not at all."""

import json
import os
import pathlib
import stat

import pytest

from dfad_tf.utils import files
from dfad_tf.utils.errors import InputError


def write_half(name):
    """Write a part of a file, as before a full disk."""
    pathlib.Path(name).write_text("half")
    raise OSError(28, "No space left on device")


def test_the_file_has_its_old_content_until_the_new_one_is_complete(tmp_path):
    path = tmp_path / "file.json"
    path.write_text("old")
    seen = []

    def write(name):
        assert pathlib.Path(name).parent == tmp_path and name.endswith(".json")
        pathlib.Path(name).write_text("half")
        seen.append(path.read_text())
        pathlib.Path(name).write_text("complete")

    files.write_atomically(path, write)
    assert seen == ["old"]
    assert path.read_text() == "complete" and list(tmp_path.iterdir()) == [path]


def test_a_new_file_does_not_exist_until_it_is_complete(tmp_path):
    path = tmp_path / "file.txt"
    files.write_atomically(path, lambda name: pathlib.Path(name).write_text(str(path.exists())))
    assert path.read_text() == "False"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


@pytest.mark.parametrize("existing", [True, False])
def test_a_failed_write_changes_nothing(tmp_path, existing):
    path = tmp_path / "file.json"
    if existing:
        files.write_json(path, {"a": 1})
    with pytest.raises(OSError, match="No space"):
        files.write_atomically(path, write_half)
    assert list(tmp_path.iterdir()) == ([path] if existing else [])
    assert not existing or json.loads(path.read_text()) == {"a": 1}


def test_text_is_utf_8_and_json_is_indented(tmp_path):
    files.write_text(tmp_path / "text", "8×8")
    assert (tmp_path / "text").read_bytes() == b"8\xc3\x978"
    files.write_json(tmp_path / "json", {"a": [1]})
    assert (tmp_path / "json").read_text() == '{\n  "a": [\n    1\n  ]\n}\n'


def fill(text):
    return lambda folder: (folder / "a").write_text(text)


def test_a_folder_is_replaced_with_everything_in_it(tmp_path):
    place = tmp_path / "deep" / "out"
    files.write_folder(place, fill("old"))
    (place / "left_over").write_text("x")
    seen = []

    def write(folder):
        fill("new")(folder)
        seen.append((place / "a").read_text())

    files.write_folder(place, write)
    assert seen == ["old"]
    assert [path.name for path in place.iterdir()] == ["a"] and (place / "a").read_text() == "new"
    assert list(place.parent.iterdir()) == [place]
    assert stat.S_IMODE(place.stat().st_mode) == 0o755


def test_a_folder_that_cannot_be_filled_is_not_created(tmp_path):
    with pytest.raises(InputError, match="as it was before.*No space"):
        files.write_folder(tmp_path / "deep" / "out", lambda folder: write_half(folder / "a"))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_replaced_is_restored(tmp_path, monkeypatch):
    place, replace = tmp_path / "out", os.replace
    files.write_folder(place, fill("old"))

    def fail_second(source, target):
        if pathlib.Path(target) == place and (pathlib.Path(source) / "a").read_text() == "new":
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", fail_second)
    with pytest.raises(InputError, match="as it was before"):
        files.write_folder(place, fill("new"))
    assert (place / "a").read_text() == "old" and list(tmp_path.iterdir()) == [place]


def test_a_link_to_a_folder_is_followed(tmp_path):
    files.write_folder(tmp_path / "out", fill("old"))
    (tmp_path / "link").symlink_to(tmp_path / "out")
    files.write_folder(tmp_path / "link", fill("new"))
    assert (tmp_path / "link").is_symlink() and (tmp_path / "out" / "a").read_text() == "new"


def test_a_folder_below_a_file_is_not_writable(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="Expected `workdir` to be writable. Received: .*deep"):
        files.check_writable(tmp_path / "file" / "deep", "`workdir`")
    files.check_writable(tmp_path / "new" / "deep", "`workdir`")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes to every folder")
def test_a_read_only_folder_is_not_writable(tmp_path):
    (tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises(InputError, match="to be writable"):
        files.check_writable(tmp_path / "closed" / "new", "`workdir`")
