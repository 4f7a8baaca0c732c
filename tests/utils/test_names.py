"""A name is found in a table, or the error suggests the nearest one."""

import pytest

from dfad_tf.utils.errors import InputError
from dfad_tf.utils.names import look_up

TABLE = {"wrn_16_1": 1, "lenet5": 2}


@pytest.mark.parametrize("name", ["wrn_16_1", "WRN-16-1", "Wrn-16_1"])
def test_case_and_dashes_are_ignored(name):
    assert look_up(TABLE, name, "network") == 1


def test_an_unknown_name_lists_the_known_ones_and_suggests_the_nearest():
    expected = (
        r"^Unknown network: expected one of lenet5, wrn_16_1. Received: 'lenet6'. "
        r"Did you mean 'lenet5'\?$"
    )
    with pytest.raises(InputError, match=expected):
        look_up(TABLE, "lenet6", "network")


def test_nothing_is_suggested_where_no_name_is_near():
    with pytest.raises(InputError, match="Received: 'zzz'.$"):
        look_up(TABLE, "zzz", "network")
