"""Which files hold a Keras model, and how large their content may be."""

import pathlib

import pytest

from dfad_tf.teachers.model_files import SUFFIXES, is_archive, is_model_file, max_content_bytes


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_model_files_are_recognized_by_their_suffix(suffix):
    assert is_model_file(f"a/model{suffix}") and is_model_file(pathlib.Path(f"model{suffix}"))
    assert is_archive(f"model{suffix}") == (suffix == ".keras")


@pytest.mark.parametrize("name", ["lenet5", "model.tflite", "model.keras.txt", "keras", ""])
def test_other_names_are_not_model_files(name):
    assert not is_model_file(name) and not is_archive(name)


def test_small_files_may_expand_and_large_files_only_a_hundredfold():
    assert max_content_bytes(0) == 2**26
    assert max_content_bytes(10**9) == 2**26 + 10**11
