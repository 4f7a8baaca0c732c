"""Labels and metadata inside a LiteRT file, so that it needs no companion."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from typing import Any

_EPOCH = (1980, 1, 1, 0, 0, 0)  # zip's first date: the same student gives the same file


def with_metadata(content: bytes, labels: Sequence[str], metadata: dict[str, Any]) -> bytes:
    """Append labels and metadata as a zip archive, where Android's metadata keeps its files.

    LiteRT reads the model from the front, zip readers their directory from the
    end. Whatever repacks the model loses the archive: append it last.

    Args:
        content: A LiteRT file.
        labels: Names of the classes, in order.
        metadata: Plain data.

    Returns:
        The same file with `labels.txt` and `metadata.json` at its end.
    """
    buffer = io.BytesIO(content)
    with zipfile.ZipFile(buffer, "a") as archive:
        for name, text in (
            ("labels.txt", "\n".join(labels) + "\n"),
            ("metadata.json", json.dumps(metadata, indent=2, ensure_ascii=False) + "\n"),
        ):
            # Stored, not deflated, so that a page of JavaScript can read it as well.
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), text)
    return buffer.getvalue()
