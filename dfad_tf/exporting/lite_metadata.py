"""Labels and metadata inside a LiteRT file, so that no second file is needed."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from typing import Any

_EPOCH = (1980, 1, 1, 0, 0, 0)  # a fixed date: the same student gives the same file


def with_metadata(content: bytes, labels: Sequence[str], metadata: dict[str, Any]) -> bytes:
    """Append labels and metadata as a zip archive, as Android's model metadata does.

    LiteRT reads the model from the start of the file, and zip readers read their directory
    from its end. A tool that rewrites the model drops the archive, so append it last.

    Args:
        content: The content of a LiteRT file.
        labels: Names of the classes, in order.
        metadata: Plain data.

    Returns:
        The same content followed by an archive of `labels.txt` and `metadata.json`.
    """
    buffer = io.BytesIO(content)
    with zipfile.ZipFile(buffer, "a") as archive:
        for name, text in (
            ("labels.txt", "\n".join(labels) + "\n"),
            ("metadata.json", json.dumps(metadata, indent=2, ensure_ascii=False) + "\n"),
        ):
            # Stored, not deflated, so that a web page can read the entry without a zip library.
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), text)
    return buffer.getvalue()


def read_metadata(content: bytes) -> dict[str, Any]:
    """Return the metadata of a LiteRT file; empty where it has none.

    Args:
        content: The content of a LiteRT file.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            found = json.loads(archive.read("metadata.json"))
    except (zipfile.BadZipFile, KeyError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
