"""The flag of a result as data."""

from __future__ import annotations

import json
import pathlib
from typing import Any

from absl import flags

from dfad_tf.utils.errors import InputError

FLAGS = flags.FLAGS

flags.DEFINE_string("json", None, "Write the result as JSON to this file, or to - on the screen.")


def check() -> None:
    """Check that the file can be written, before anything is measured for it.

    Raises:
        InputError: If it is a folder, or its folder does not exist.
    """
    if FLAGS.json in (None, "-"):
        return
    path = pathlib.Path(FLAGS.json)
    if not FLAGS.json or FLAGS.json.startswith("--") or path.is_dir() or not path.parent.is_dir():
        raise InputError(
            f"Expected --json to be - or a file in a folder that exists. Received: {FLAGS.json!r}"
        )


def written(result: dict[str, Any]) -> bool:
    """Write a result where `--json` says, and return whether it went to the screen.

    Args:
        result: What `json.dumps` takes.
    """
    if FLAGS.json == "-":
        print(json.dumps(result))
    elif FLAGS.json:
        from dfad_tf.utils import files

        files.write_json(pathlib.Path(FLAGS.json), result)
    return FLAGS.json == "-"
