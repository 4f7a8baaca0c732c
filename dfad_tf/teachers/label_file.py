"""The names of a teacher's classes, in a text file beside the model."""

from __future__ import annotations

import pathlib
import re

from dfad_tf.utils.errors import InputError

FILE_NAME = "labels.txt"


def read_labels(path: pathlib.Path) -> list[str]:
    """Read the labels of a text file with one label per line.

    Numbers in front of the labels, as Teachable Machine writes them, are left out if they count
    the lines from 0.

    Args:
        path: The file.

    Returns:
        The labels, without empty lines.

    Raises:
        InputError: If it is not a text file.

    Example:

    >>> import pathlib
    >>> path = pathlib.Path("labels.txt")
    >>> _ = path.write_text("0 cat\\n1 dog")
    >>> read_labels(path)
    ['cat', 'dog']
    """
    try:
        content = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"Expected `labels` to be a text file with one label per line. Received: {path}"
        ) from error
    # Not splitlines, which also splits at characters that labels may contain.
    lines = [line.strip() for line in content.split("\n") if line.strip()]
    numbered = [re.fullmatch(r"(\d+)[:,\s]\s*(.+)", line) for line in lines]
    if all(numbered) and [int(found[1]) for found in numbered if found] == list(range(len(lines))):
        return [found[2] for found in numbered if found]
    return lines


def labels_beside(model: str, count: int) -> list[str]:
    """Return the labels that lie beside a model file, or inside of a model folder.

    Args:
        model: Path of the model.
        count: Number of its classes.

    Returns:
        The labels of `labels.txt`; an empty list if there is no such file, or it has another
        number of labels or one twice: it may belong to another model then.

    Example:

    >>> labels_beside("keras_model.h5", 2)
    []
    """
    place = pathlib.Path(model)
    for folder in (place, place.parent):
        if not (folder / FILE_NAME).is_file():
            continue
        try:
            labels = read_labels(folder / FILE_NAME)
        except InputError:
            continue
        if len(labels) == count == len(set(labels)):
            return labels
    return []
