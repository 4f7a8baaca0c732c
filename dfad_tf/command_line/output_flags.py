"""The flags of the two commands that export a student which lies on disk."""

from __future__ import annotations

from absl import flags

flags.DEFINE_string(
    "output", None, "Folder to make. Default: beside --model, under its name and the format's."
)
flags.DEFINE_boolean("overwrite", False, "Replace an export that lies there.")
flags.DEFINE_string(
    "labels", None, "Text file with one label a line. Default: the run's or --dataset's, else 0, 1…"
)
