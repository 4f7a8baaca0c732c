"""Errors of the library name arguments; the answers of the commands name flags."""

import pytest

from dfad_tf.command_line import all_training_flags
from dfad_tf.command_line.argument_flags import argument_flags, with_flags
from dfad_tf.utils.errors import InputError

assert all_training_flags.MODULES  # their import defines the flags


def test_an_argument_becomes_the_flag_of_the_table_or_of_its_own_name():
    assert with_flags("Expected `every` to be a time.") == "Expected --backup_every to be a time."
    assert with_flags("Expected `max_restores` …") == "Expected --max_restores …"
    assert with_flags("with `resume=must`") == "with --resume=must"
    assert with_flags("Expected `output_shape` …") == "Expected --image_shape …"


def test_a_name_without_a_flag_stays():
    assert with_flags("`val_agreement` of `Model.fit`") == "`val_agreement` of `Model.fit`"


def raised(error, *about, **names):
    """Return the message of an error that is raised where flags replace arguments."""
    with pytest.raises(InputError) as caught, argument_flags(*about, **names):
        raise error
    return str(caught.value)


def test_a_call_site_names_its_own_flags():
    error = InputError("Expected `path` to be a file")
    assert raised(error, path="student") == "Expected --student to be a file"


def test_the_flag_precedes_a_message_that_names_none():
    error = InputError("Expected a complete Keras model in x.keras.")
    expected = "--student: Expected a complete Keras model in x.keras."
    assert raised(error, "student", path="student") == expected
    error = InputError("Expected `path` to be a file")
    assert raised(error, "student", path="student") == "Expected --student to be a file"


def test_an_error_of_the_system_names_the_flag_of_its_file():
    expected = "--student: the system reported an error: [Errno 13] Permission denied: 'x.keras'"
    assert raised(PermissionError(13, "Permission denied", "x.keras"), "student") == expected
    with pytest.raises(PermissionError), argument_flags(path="student"):
        raise PermissionError(13, "Permission denied", "x.keras")


def test_other_errors_pass_unchanged():
    with pytest.raises(ZeroDivisionError), argument_flags(path="student"):
        _ = 1 // 0
