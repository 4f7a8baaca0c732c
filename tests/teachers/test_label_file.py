"""The names of the classes beside a model."""

import pytest

from dfad_tf.teachers.label_file import labels_beside, read_labels
from dfad_tf.utils.errors import InputError


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("0 cat\n1 dog\n", ["cat", "dog"]),  # Teachable Machine
        ("0: cat\r\n1: big dog\r\n\r\n", ["cat", "big dog"]),
        ("cat\ndog\n", ["cat", "dog"]),
        ("1 cat\n2 dog\n", ["1 cat", "2 dog"]),  # these may be names
        ("7\n3\n", ["7", "3"]),
        ("\ufeffcafé\n", ["café"]),
    ],
)
def test_labels_are_lines_and_counted_numbers_are_left_out(tmp_path, content, expected):
    (tmp_path / "names.txt").write_bytes(content.encode())
    assert read_labels(tmp_path / "names.txt") == expected


def test_a_file_that_is_no_text_is_named(tmp_path):
    (tmp_path / "names.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="`labels`.*names.txt"):
        read_labels(tmp_path / "names.txt")


def test_labels_beside_or_inside_of_a_model_count_if_their_number_does(tmp_path):
    model = tmp_path / "keras_model.h5"
    assert labels_beside(str(model), 2) == []
    (tmp_path / "labels.txt").write_text("0 cat\n1 dog\n")
    assert labels_beside(str(model), 2) == ["cat", "dog"]
    assert labels_beside(str(model), 3) == []
    inside = tmp_path / "saved"
    inside.mkdir()
    assert labels_beside(str(inside), 2) == ["cat", "dog"]
    (inside / "labels.txt").write_text("ape\nbee\n")
    assert labels_beside(str(inside), 2) == ["ape", "bee"]
    (inside / "labels.txt").write_text("ape\nape\n")
    assert labels_beside(str(inside), 2) == ["cat", "dog"]
