"""The flag that writes a result as JSON."""

from __future__ import annotations

import json
import pathlib
from typing import Any

from absl import flags

from dfad_tf.utils.errors import InputError

FLAGS = flags.FLAGS

flags.DEFINE_string(
    "json", None, "File to which the result is written as JSON; - prints it instead of the table."
)


def check() -> None:
    """Check that the file can be written, before anything is measured.

    Raises:
        InputError: If the file is a folder, or its folder does not exist.
    """
    if FLAGS.json in (None, "-"):
        return
    path = pathlib.Path(FLAGS.json)
    if not FLAGS.json or FLAGS.json.startswith("--") or path.is_dir() or not path.parent.is_dir():
        raise InputError(
            f"Expected --json to be - or a file in a folder that exists. Received: {FLAGS.json!r}"
        )


def write_result(result: dict[str, Any]) -> bool:
    """Write a result as `--json` requests, and return whether it was printed.

    Args:
        result: Plain data that `json.dumps` accepts.
    """
    if FLAGS.json == "-":
        print(json.dumps(result))
    elif FLAGS.json:
        from dfad_tf.utils import files

        files.write_json(pathlib.Path(FLAGS.json), result)
    return FLAGS.json == "-"
