"""Look up a name in a table, and suggest the nearest name if it is unknown."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TypeVar

from dfad_tf.utils.errors import InputError

T = TypeVar("T")


def look_up(table: Mapping[str, T], name: str, what: str) -> T:
    """Return `table[name]`, ignoring case and treating dashes as underscores.

    Args:
        table: The known names, in lower case with underscores.
        name: The name to look up.
        what: What the name denotes, for the error: `"student"`, `"method"`, ….

    Returns:
        The entry of the table.

    Raises:
        InputError: If the name is not in the table. The error suggests the nearest name.

    Example:

    >>> look_up({"lenet5": 1}, "LeNet5", "student")
    1
    """
    key = name.lower().replace("-", "_")
    if key in table:
        return table[key]
    nearest = difflib.get_close_matches(key, table, n=1, cutoff=0.5)
    hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
    raise InputError(
        f"Unknown {what}: expected one of {', '.join(sorted(table))}. Received: {name!r}.{hint}"
    )
