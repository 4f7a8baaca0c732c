"""Library errors name arguments; the user of a command reads flags."""

import pytest

from dfad_tf.command_line.argument_flags import argument_flags, with_flags
from dfad_tf.utils.errors import InputError


def test_an_argument_becomes_the_flag_of_the_table_or_of_its_own_name():
    assert with_flags("Expected `every` to be a time.") == "Expected --backup_every to be a time."
    assert with_flags("Expected `max_restores` …") == "Expected --max_restores …"
    assert with_flags("with `resume=must`") == "with --resume=must"


def test_what_is_no_flag_stays():
    assert with_flags("`val_agreement` of `Model.fit`") == "`val_agreement` of `Model.fit`"


def test_a_call_site_names_its_own_flags():
    with (
        pytest.raises(InputError, match="^Expected --student to be a file$"),
        argument_flags(path="student"),
    ):
        raise InputError("Expected `path` to be a file")


def test_other_errors_pass_unchanged():
    with pytest.raises(ZeroDivisionError), argument_flags(path="student"):
        _ = 1 // 0
