"""The table of export formats."""

from __future__ import annotations

from collections.abc import Sequence

from dfad_tf.exporting.exporter import Exporter
from dfad_tf.exporting.lite_exporter import (
    DynamicInt8Exporter,
    Float16Exporter,
    Float32Exporter,
    Int8Exporter,
    LiteExporter,
)
from dfad_tf.exporting.saved_model import SavedModelExporter
from dfad_tf.utils.errors import InputError
from dfad_tf.utils.names import look_up

# Files are written, and appear on the model card, in this order.
EXPORTERS: dict[str, Exporter] = {
    exporter.format: exporter
    for exporter in (
        SavedModelExporter(),
        Float32Exporter(),
        Float16Exporter(),
        DynamicInt8Exporter(),
        Int8Exporter(),
    )
}
FORMATS = tuple(EXPORTERS)
LITE_FORMATS = tuple(
    name for name, exporter in EXPORTERS.items() if isinstance(exporter, LiteExporter)
)


def check_formats(formats: Sequence[str], known: Sequence[str] = (*FORMATS, "none")) -> list[str]:
    """Check names of formats. `"all"` stands for every format and `"none"` for no format.

    Args:
        formats: Names in `known`, or `"all"` or `"none"` alone.
        known: The names that are allowed in addition to `"all"`.

    Returns:
        The names, each once and in the order of `FORMATS`.

    Raises:
        InputError: If a name is unknown, or if `"all"` or `"none"` is combined with another name.

    Example:

    >>> check_formats(["int8", "float32", "int8"])
    ['float32', 'int8']
    """
    table = {name: name for name in ("all", *known)}
    found = [look_up(table, name, "format in `formats`") for name in formats]
    if found == ["all"]:
        return [name for name in FORMATS if name in known]
    if found == ["none"]:
        return []
    if not found or {"all", "none"} & set(found):
        raise InputError(
            f"Expected `formats` to be all, or names out of {', '.join(known)}. "
            f"Received: {','.join(formats)!r}"
        )
    return [name for name in FORMATS if name in found]
